// The table of tensors: names as in the published checkpoints.
#include "families/deepseek_v2/deepseek_v2.hpp"

#include <algorithm>

#include "families/derive_kv_b.hpp"
#include "weights/packed_store.hpp"

namespace rorqual::families::deepseek_v2 {
namespace {

// gate_proj, up_proj and down_proj of a dense layer, of an expert or of the shared experts.
template <class Ffn>
void list_ffn(weights::TensorTable& table, const std::string& prefix, std::int64_t hidden, std::int64_t width, Ffn& to) {
    table.matrix(prefix + "gate_proj.weight", width, hidden, to.gate);
    table.matrix(prefix + "up_proj.weight", width, hidden, to.up);
    table.matrix(prefix + "down_proj.weight", hidden, width, to.down);
}

}  // namespace

void DeepseekV2::list_attention(weights::TensorTable& table, const std::string& prefix, layers::Mla::Weights& to) const {
    const auto& mla = config_.mla;
    const auto& shape = mla.shape;
    if (mla.q_lora_rank == 0) {
        table.matrix(prefix + "q_proj.weight", mla.q_width(), mla.hidden, to.wq);
    } else {
        table.matrix(prefix + "q_a_proj.weight", mla.q_lora_rank, mla.hidden, to.wq_a);
        table.vector(prefix + "q_a_layernorm.weight", mla.q_lora_rank, to.q_a_norm);
        table.matrix(prefix + "q_b_proj.weight", mla.q_width(), mla.q_lora_rank, to.wq_b);
    }
    table.matrix(prefix + "kv_a_proj_with_mqa.weight", mla.kv_a_width(), mla.hidden, to.wkv_a);
    table.vector(prefix + "kv_a_layernorm.weight", shape.kv_lora_rank, to.kv_a_norm);
    const auto kv_b_rows = shape.heads * (shape.qk_nope_head_dim + shape.v_head_dim);
    const auto kv_b = layers::KvB::packable(shape) ? &weights::TensorTable::matrix : &weights::TensorTable::stored_matrix;
    (table.*kv_b)(prefix + "kv_b_proj.weight", kv_b_rows, shape.kv_lora_rank, to.wkv_b.w);
    derive_kv_b(table, prefix + "kv_b_proj", shape, to.wkv_b, [this] { return has_packed_blocks(); });
    table.matrix(prefix + "o_proj.weight", mla.hidden, mla.out_width(), to.wo);
}

void DeepseekV2::list_experts(weights::TensorTable& table, const std::string& prefix, layers::ExpertFfn& to) const {
    const auto D = config_.geometry.hidden_size;
    table.stored_matrix(prefix + "gate.weight", config_.router.experts, D, to.router.gate);
    for (std::size_t e = 0; e < to.experts.size(); ++e) {
        list_ffn(table, prefix + "experts." + std::to_string(e) + ".", D, config_.expert_width, to.experts[e]);
    }
    if (to.shared) list_ffn(table, prefix + "shared_experts.", D, config_.shared_width, *to.shared);
}

void DeepseekV2::list_tensors(weights::TensorTable& table) {
    const auto D = config_.geometry.hidden_size;
    table.stored_matrix("model.embed_tokens.weight", config_.geometry.vocab_size, D, embedding_);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        auto& block = blocks_[i];
        const std::string prefix = "model.layers." + std::to_string(i) + ".";
        table.vector(prefix + "input_layernorm.weight", D, block.attn_norm);
        list_attention(table, prefix + "self_attn.", block.mla.weights);
        table.vector(prefix + "post_attention_layernorm.weight", D, block.ffn_norm);
        if (auto* const experts = std::get_if<layers::ExpertFfn>(&block.ffn)) {
            list_experts(table, prefix + "mlp.", *experts);
        } else {
            list_ffn(table, prefix + "mlp.", D, config_.dense_width, std::get<layers::DenseFfn>(block.ffn));
        }
    }
    table.vector("model.norm.weight", D, norm_);
    if (config_.tied) {
        table.ignore("lm_head.weight");  // some files carry the copy
        table.derive({.name = "model.embed_tokens.packed", .rows = config_.geometry.vocab_size, .cols = D, .from = &embedding_, .to = &head_, .format = [this] { return tied_head_format(); }, .make = [this](std::vector<std::byte>&) { return embedding_; }});
    } else {
        table.matrix("lm_head.weight", config_.geometry.vocab_size, D, head_);
    }
    table.ignore("rotary_emb.inv_freq");
}

// A head of its own where the embedding, which is looked up row by row, would not do.
std::optional<DType> DeepseekV2::tied_head_format() const {
    return config_.tied && weights::can_pack(embedding_.dtype, embedding_.cols) ? std::optional(embedding_.dtype) : std::nullopt;
}

// Fast mode has something to gain.
bool DeepseekV2::has_packed_blocks() const {
    return std::ranges::any_of(blocks_, [](const Block& block) { return block.mla.weights.wo.packed(); });
}

void DeepseekV2::tie_weights() {
    if (config_.tied && head_.data == nullptr) head_ = embedding_;
    for (auto& block : blocks_) {
        auto& kv_b = block.mla.weights.wkv_b;
        if (kv_b.uk_transposed.data != nullptr && kv_b.w.packed()) kv_b.packed = kv_b.w;
    }
}

void DeepseekV2::count_parameters() {
    weights::TensorTable table;
    list_tensors(table);
    auto& g = config_.geometry;
    g.parameters = 0;
    for (const auto& spec : table.specs()) {
        std::uint64_t count = 1;
        for (const auto n : spec.shape) count *= static_cast<std::uint64_t>(n);
        g.parameters += count;
    }
    const auto idle_experts = (g.layers - g.dense_layers) * (g.routed_experts - g.experts_per_token);
    g.active_parameters = g.parameters - static_cast<std::uint64_t>(idle_experts * 3 * config_.expert_width * g.hidden_size);
    if (!config_.tied) g.active_parameters -= static_cast<std::uint64_t>(g.vocab_size * g.hidden_size);
}

}  // namespace rorqual::families::deepseek_v2
