// Models of this shape as GGUF files of arch "deepseek2", those with an indexer of arch "deepseek32", without the layer that predicts further tokens, which other readers ignore. Keys and tensors: llama.cpp, gguf-py/gguf/constants.py and its converter.
#include <string_view>

#include "families/latent_moe/gguf_names.hpp"
#include "families/latent_moe/latent_moe.hpp"
#include "families/numbered_name.hpp"
#include "rorqual/error.hpp"

namespace rorqual::families::latent_moe {
namespace {

constexpr std::string_view suffix = ".weight";

std::string gguf_name(GgufName::Of of, std::string_view published) {
    const auto found = find_gguf_name(of, published);
    if (found.empty()) throw Error(Status::internal, std::string(published) + ": not in the list of GGUF names");
    return std::string(found);
}

// Collects the tensors of the published table, in its order.
class TensorList {
 public:
    TensorList(const LatentAttentionShape& shape, LatentLayout latent) : shape_(shape), latent_(latent) {}

    void add(const weights::TensorSpec& spec) {
        std::string_view name = spec.name;
        std::int64_t layer = 0, expert = 0;
        const bool in_layer = take_number(name, "model.layers.", layer);
        if (const auto bias = find_gguf_name(GgufName::Of::bias, name); !bias.empty()) return tensors_.add_whole("blk." + std::to_string(layer) + "." + std::string(bias), spec);
        name.remove_suffix(suffix.size());
        if (!in_layer) return tensors_.add_whole(whole(gguf_name(GgufName::Of::model, name)), spec);
        const std::string block = "blk." + std::to_string(layer) + ".";
        if (take_number(name, "mlp.experts.", expert)) return tensors_.add_expert(whole(block + gguf_name(GgufName::Of::experts, name)), spec);
        if (latent_ == LatentLayout::split && name == "self_attn.kv_b_proj") return add_split(block, spec);
        tensors_.add_whole(whole(block + gguf_name(GgufName::Of::layer, name)), spec);
    }

    [[nodiscard]] std::vector<GgufTensor> take() && { return std::move(tensors_).take(); }

 private:
    static std::string whole(const std::string& stem) { return stem + std::string(suffix); }

    // Each head's rows of kv_b_proj are its W_UK [nope, R] and its W_UV [v, R]. The first is stored transposed: the absorbed
    // query is W_UKᵀ·q_nope (V2, appendix C).
    void add_split(const std::string& block, const weights::TensorSpec& spec) {
        const auto nope = shape_.qk_nope_head_dim, v = shape_.v_head_dim, rank = shape_.kv_lora_rank;
        GgufTensor k{block + "attn_k_b" + std::string(suffix), {shape_.heads, rank, nope}, {}};
        GgufTensor values{block + "attn_v_b" + std::string(suffix), {shape_.heads, v, rank}, {}};
        for (std::int64_t head = 0; head < shape_.heads; ++head) {
            k.parts.push_back({spec.name, head * (nope + v), nope, true});
            values.parts.push_back({spec.name, head * (nope + v) + nope, v});
        }
        tensors_.add(std::move(k));
        tensors_.add(std::move(values));
    }

    LatentAttentionShape shape_;
    LatentLayout latent_;
    GgufTensors tensors_;
};

void write_attention(const Config& c, LatentLayout latent, GgufKeys& keys) {
    const auto& shape = c.mla.shape;
    const auto head_dim = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    keys.count("attention.head_count", shape.heads);
    if (c.mla.q_lora_rank > 0) keys.count("attention.q_lora_rank", c.mla.q_lora_rank);
    keys.count("attention.kv_lora_rank", shape.kv_lora_rank);
    if (latent == LatentLayout::joined) {
        keys.count("attention.head_count_kv", shape.heads);
        keys.count("attention.key_length", head_dim);
        keys.count("attention.value_length", shape.v_head_dim);
    } else {  // absorbed attention is multi-query attention over the latent: one key and value head
        keys.count("attention.head_count_kv", 1);
        keys.count("attention.key_length", shape.kv_lora_rank + shape.qk_rope_head_dim);
        keys.count("attention.value_length", shape.kv_lora_rank);
        keys.count("attention.key_length_mla", head_dim);
        keys.count("attention.value_length_mla", shape.v_head_dim);
    }
    keys.number("attention.layer_norm_rms_epsilon", c.norm_eps);
    if (!c.indexer) return;
    keys.count("attention.indexer.head_count", c.indexer->heads);
    keys.count("attention.indexer.key_length", c.indexer->head_dim);
    keys.count("attention.indexer.top_k", c.indexer->top_k);
}

// GGUF has one factor for YaRN's softmax scale and none for the amplitude of cos and sin, which is 1 where mscale is
// mscale_all_dim, as in every published model.
void write_rope(const Config& c, GgufKeys& keys) {
    keys.count("rope.dimension_count", c.mla.shape.qk_rope_head_dim);
    keys.number("rope.freq_base", c.rope_theta);
    const auto& yarn = c.yarn;
    if (yarn.factor == 1) return;
    if (yarn.mscale != yarn.mscale_all_dim || yarn.mscale == 0) {
        throw Error(Status::unsupported, "mscale: GGUF can only say that it equals mscale_all_dim");
    }
    keys.yarn(yarn);
    keys.number("rope.scaling.yarn_log_multiplier", 0.1 * yarn.mscale_all_dim);
}

void write_experts(const Config& c, GgufKeys& keys) {
    constexpr std::int64_t softmax = 1, sigmoid = 2;
    const auto& router = c.router;
    keys.count("leading_dense_block_count", router.experts > 0 ? c.first_experts : c.geometry.layers);
    if (router.experts == 0) return;
    if (c.experts_every != 1) throw Error(Status::unsupported, "moe_layer_freq: GGUF can only say 1");
    keys.count("expert_count", router.experts);
    keys.count("expert_used_count", router.experts_per_token);
    keys.count("expert_shared_count", c.shared_width / c.expert_width);
    keys.count("expert_feed_forward_length", c.expert_width);
    keys.number("expert_weights_scale", router.scale);
    keys.boolean("expert_weights_norm", router.normalise);
    keys.count("expert_gating_func", router.scoring == Scoring::sigmoid ? sigmoid : softmax);
    if (router.groups > 1) {
        keys.count("expert_group_count", router.groups);
        keys.count("expert_group_used_count", router.groups_kept);
    }
}

}  // namespace

std::vector<GgufTensor> LatentMoe::gguf_form(LatentLayout latent, io::GgufHeader& header) {
    GgufKeys keys{header, config_.indexer ? "deepseek32" : "deepseek2"};
    header.text("general.architecture", keys.architecture);
    keys.count("block_count", config_.geometry.layers);
    keys.count("context_length", config_.geometry.context);
    keys.count("embedding_length", config_.geometry.hidden_size);
    keys.count("feed_forward_length", config_.dense_width);
    keys.count("vocab_size", config_.geometry.vocab_size);
    write_attention(config_, latent, keys);
    write_rope(config_, keys);
    write_experts(config_, keys);

    weights::TensorTable table;
    list_model(table);
    TensorList list(config_.mla.shape, latent);
    for (const auto& spec : table.specs()) list.add(spec);
    return std::move(list).take();
}

}  // namespace rorqual::families::latent_moe
