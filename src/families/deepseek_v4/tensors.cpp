// The table of tensors: names as in the published checkpoints, and those of checkpoints that transformers saved again.
#include "families/deepseek_v4/deepseek_v4.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace rorqual::families::deepseek_v4 {
namespace {

// transformers' names of modules, by the published ones; within a layer, longer ones before those they begin with.
constexpr std::array<std::pair<std::string_view, std::string_view>, 31> saved_names = {{
    {"embed.", "model.embed_tokens."},
    {"head.", "lm_head."},
    {"norm.", "model.norm."},
    {"hc_head_", "model.hc_head.hc_"},
    {"attn_norm.", "input_layernorm."},
    {"ffn_norm.", "post_attention_layernorm."},
    {"hc_attn_", "attn_hc."},
    {"hc_ffn_", "ffn_hc."},
    {"attn.attn_sink", "self_attn.sinks"},
    {"attn.wq_a.", "self_attn.q_a_proj."},
    {"attn.q_norm.", "self_attn.q_a_norm."},
    {"attn.wq_b.", "self_attn.q_b_proj."},
    {"attn.wkv.", "self_attn.kv_proj."},
    {"attn.kv_norm.", "self_attn.kv_norm."},
    {"attn.wo_a.", "self_attn.o_a_proj."},
    {"attn.wo_b.", "self_attn.o_b_proj."},
    {"attn.compressor.ape", "self_attn.compressor.position_bias"},
    {"attn.compressor.wkv.", "self_attn.compressor.kv_proj."},
    {"attn.compressor.wgate.", "self_attn.compressor.gate_proj."},
    {"attn.compressor.norm.", "self_attn.compressor.kv_norm."},
    {"attn.indexer.wq_b.", "self_attn.compressor.indexer.q_b_proj."},
    {"attn.indexer.weights_proj.", "self_attn.compressor.indexer.scorer.weights_proj."},
    {"attn.indexer.compressor.ape", "self_attn.compressor.indexer.position_bias"},
    {"attn.indexer.compressor.wkv.", "self_attn.compressor.indexer.kv_proj."},
    {"attn.indexer.compressor.wgate.", "self_attn.compressor.indexer.gate_proj."},
    {"attn.indexer.compressor.norm.", "self_attn.compressor.indexer.kv_norm."},
    {"ffn.gate.bias", "mlp.gate.e_score_correction_bias"},
    {"ffn.", "mlp."},
    {"w1.", "gate_proj."},
    {"w2.", "down_proj."},
    {"w3.", "up_proj."},
}};

std::string saved_name(std::string name) {
    const auto replace = [&name](std::size_t at, std::string_view from, std::string_view to) {
        if (std::string_view(name).substr(at).starts_with(from)) name.replace(at, from.size(), to);
    };
    std::size_t within = 0;  // where the part behind "layers.3." begins
    if (name.starts_with("layers.")) within = name.find('.', 7) + 1;
    if (within > 0) {
        const auto matrix = name.find(".w", name.find("experts"));
        if (name.find("experts") != std::string::npos && matrix != std::string::npos) {
            for (const auto& [from, to] : saved_names) replace(matrix + 1, from, to);
        }
    }
    for (const auto& [from, to] : saved_names) {
        if (!std::string_view(name).substr(within).starts_with(from)) continue;
        name.replace(within, from.size(), to);
        break;
    }
    return within > 0 ? "model." + name : name;
}

// What lists tensors under both names.
struct Names {
    weights::TensorTable& table;
    std::string prefix;

    void matrix(const std::string& name, std::int64_t rows, std::int64_t cols, WeightView& to) const { table.matrix(prefix + name, rows, cols, to, saved_name(prefix + name)); }
    void stored_matrix(const std::string& name, std::int64_t rows, std::int64_t cols, WeightView& to) const {
        table.stored_matrix(prefix + name, rows, cols, to, saved_name(prefix + name));
    }
    void vector(const std::string& name, std::int64_t length, std::vector<float>& to) const { table.vector(prefix + name, length, to, saved_name(prefix + name)); }
    void values(const std::string& name, std::int64_t rows, std::int64_t cols, std::vector<float>& to) const {
        table.values(prefix + name, rows, cols, to, saved_name(prefix + name));
    }
    void hyper_connection(const std::string& name, layers::HyperConnection& to) const {
        const auto& config = to.config;
        stored_matrix(name + "_fn", config.mix_width(), config.streams * config.hidden, to.fn);
        vector(name + "_base", config.mix_width(), to.base);
        vector(name + "_scale", 3, to.scale);
    }
    void compressor(const std::string& name, layers::Compressor& to) const {
        const auto& config = to.config;
        values(name + "ape", config.ratio, config.channels(), to.ape);
        matrix(name + "wkv.weight", config.channels(), config.hidden, to.wkv);
        matrix(name + "wgate.weight", config.channels(), config.hidden, to.wgate);
        vector(name + "norm.weight", config.width, to.norm);
    }
    // What reads the streams at the end, without the head, which has one name everywhere.
    void output(const layers::HyperConfig& config, OutputHead& to) const {
        stored_matrix("hc_head_fn", config.streams, config.streams * config.hidden, to.streams.fn);
        vector("hc_head_base", config.streams, to.streams.base);
        vector("hc_head_scale", 1, to.streams.scale);
        vector("norm.weight", config.hidden, to.norm);
    }
    // Gate, down and up of an expert or of the shared experts.
    template <class Ffn>
    void ffn(const std::string& name, std::int64_t hidden, std::int64_t width, Ffn& to) const {
        matrix(name + "w1.weight", width, hidden, to.gate);
        matrix(name + "w2.weight", hidden, width, to.down);
        matrix(name + "w3.weight", width, hidden, to.up);
    }
};

}  // namespace

void DeepseekV4::list_attention(weights::TensorTable& table, const std::string& prefix, layers::SharedKvAttention& to) const {
    const auto& a = config_.attention;
    auto& w = to.weights;
    const Names names{table, prefix};
    names.vector("attn_sink", a.heads, w.sinks);
    names.matrix("wq_a.weight", a.q_lora_rank, a.hidden, w.wq_a);
    names.vector("q_norm.weight", a.q_lora_rank, w.q_norm);
    names.matrix("wq_b.weight", a.q_width(), a.q_lora_rank, w.wq_b);
    names.matrix("wkv.weight", a.width, a.hidden, w.wkv);
    names.vector("kv_norm.weight", a.width, w.kv_norm);
    // Each group takes its rows: of panels, where it is made of whole ones.
    const auto wo_a = a.o_lora_rank % WeightView::panel_rows == 0 ? &Names::matrix : &Names::stored_matrix;
    (names.*wo_a)("wo_a.weight", a.o_groups * a.o_lora_rank, a.group_width(), w.wo_a);
    names.matrix("wo_b.weight", a.hidden, a.o_groups * a.o_lora_rank, w.wo_b);
    if (to.compressor) names.compressor("compressor.", *to.compressor);
    if (!to.indexer) return;
    const auto& x = config_.indexer;
    names.matrix("indexer.wq_b.weight", x.heads * x.width, x.q_lora_rank, to.indexer->wq);
    names.matrix("indexer.weights_proj.weight", x.heads, x.hidden, to.indexer->weights);
    names.compressor("indexer.compressor.", to.indexer->compressor);
}

void DeepseekV4::list_ffn(weights::TensorTable& table, const std::string& prefix, Block& to) const {
    const auto& c = config_;
    const auto D = c.geometry.hidden_size;
    const Names names{table, prefix};
    names.stored_matrix("gate.weight", c.router.experts, D, to.ffn.router.gate);
    if (to.hash) {
        table.integers(prefix + "gate.tid2eid", c.geometry.vocab_size, c.router.experts_per_token, c.router.experts, to.hash->experts_of, saved_name(prefix + "gate.tid2eid"));
    } else {
        names.vector("gate.bias", c.router.experts, to.ffn.router.bias);
    }
    table.fp4_pairs(true);
    for (std::size_t e = 0; e < to.ffn.experts.size(); ++e) names.ffn("experts." + std::to_string(e) + ".", D, c.expert_width, to.ffn.experts[e]);
    table.fp4_pairs(false);
    if (to.ffn.shared) names.ffn("shared_experts.", D, c.shared_width, *to.ffn.shared);
}

void DeepseekV4::list_block(weights::TensorTable& table, const std::string& prefix, Block& to) const {
    const auto D = config_.geometry.hidden_size;
    const Names names{table, prefix};
    names.vector("attn_norm.weight", D, to.attn_norm);
    names.hyper_connection("hc_attn", to.attn_hyper);
    list_attention(table, prefix + "attn.", to.attention);
    names.vector("ffn_norm.weight", D, to.ffn_norm);
    names.hyper_connection("hc_ffn", to.ffn_hyper);
    list_ffn(table, prefix + "ffn.", to);
}

void DeepseekV4::list_model(weights::TensorTable& table) {
    const auto D = config_.geometry.hidden_size, V = config_.geometry.vocab_size;
    const Names names{table, ""};
    names.stored_matrix("embed.weight", V, D, embedding_);
    for (std::size_t i = 0; i < blocks_.size(); ++i) list_block(table, "layers." + std::to_string(i) + ".", blocks_[i]);
    names.output(config_.hyper, output_);
    names.matrix("head.weight", V, D, output_.head);
}

// Without embedding and head, which are the network's own: tie_weights().
void DeepseekV4::list_prediction(weights::TensorTable& table) {
    const auto D = config_.geometry.hidden_size;
    auto& w = prediction_->weights;
    const Names names{table, TokenPrediction::prefix};
    table.announced_by("num_nextn_predict_layers");
    names.vector("enorm.weight", D, w.embedding_norm);
    names.vector("hnorm.weight", D, w.hidden_norm);
    names.matrix("e_proj.weight", D, D, w.embedding_join);
    names.matrix("h_proj.weight", D, D, w.hidden_join);
    list_block(table, TokenPrediction::prefix, w.block);
    names.output(config_.hyper, w.output);
}

void DeepseekV4::list_tensors(weights::TensorTable& table) {
    table.fp8_blocks(config_.fp8_blocks);
    table.short_scale_names();
    list_model(table);
    if (prediction_) {
        list_prediction(table);
    } else {
        table.ignore_prefix("mtp.");
    }
    table.ignore_prefix("blk." + std::to_string(config_.geometry.layers) + ".");  // the same in GGUF files
}

void DeepseekV4::tie_weights() {
    if (!prediction_) return;
    prediction_->weights.embedding = embedding_;
    prediction_->weights.output.head = output_.head;
}

void DeepseekV4::count_parameters() {
    weights::TensorTable table;
    list_model(table);
    auto& g = config_.geometry;
    g.parameters = 0;
    for (const auto& spec : table.specs()) {
        if (spec.integers != nullptr) continue;
        std::uint64_t count = 1;
        for (const auto n : spec.shape) count *= static_cast<std::uint64_t>(n);
        g.parameters += count;
    }
    const auto idle_experts = g.layers * (g.routed_experts - g.experts_per_token);
    g.active_parameters = g.parameters - static_cast<std::uint64_t>(idle_experts * 3 * config_.expert_width * g.hidden_size);
    g.active_parameters -= static_cast<std::uint64_t>(g.vocab_size * g.hidden_size);
}

}  // namespace rorqual::families::deepseek_v4
