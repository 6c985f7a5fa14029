// The table of tensors: names as in the published checkpoints.
#include "families/latent_moe/latent_moe.hpp"

#include <algorithm>

#include "families/derive_kv_b.hpp"
#include "quant/block_scaled.hpp"
#include "weights/packed_store.hpp"

namespace rorqual::families::latent_moe {
namespace {

// gate_proj, up_proj and down_proj of a dense layer, of an expert or of the shared experts.
template <class Ffn>
void list_ffn(weights::TensorTable& table, const std::string& prefix, std::int64_t hidden, std::int64_t width, Ffn& to) {
    table.matrix(prefix + "gate_proj.weight", width, hidden, to.gate);
    table.matrix(prefix + "up_proj.weight", width, hidden, to.up);
    table.matrix(prefix + "down_proj.weight", hidden, width, to.down);
}

std::string layer_prefix(std::int64_t layer) { return "model.layers." + std::to_string(layer) + "."; }

}  // namespace

void LatentMoe::list_attention(weights::TensorTable& table, const std::string& prefix, layers::Mla::Weights& to) const {
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
    (table.*kv_b)(prefix + "kv_b_proj.weight", kv_b_rows, shape.kv_lora_rank, to.wkv_b.w, {});
    derive_kv_b(table, prefix + "kv_b_proj", shape, to.wkv_b, [this] { return has_packed_blocks(); });
    table.matrix(prefix + "o_proj.weight", mla.hidden, mla.out_width(), to.wo);
}

void LatentMoe::list_indexer(weights::TensorTable& table, const std::string& prefix, layers::Indexer::Weights& to) const {
    const auto& indexer = *config_.indexer;
    table.matrix(prefix + "wq_b.weight", indexer.heads * indexer.head_dim, indexer.q_lora_rank, to.wq_b);
    table.matrix(prefix + "wk.weight", indexer.head_dim, indexer.hidden, to.wk);
    table.vector(prefix + "k_norm.weight", indexer.head_dim, to.k_norm_weight);
    table.vector(prefix + "k_norm.bias", indexer.head_dim, to.k_norm_bias);
    table.stored_matrix(prefix + "weights_proj.weight", indexer.heads, indexer.hidden, to.weights_proj);
}

void LatentMoe::list_experts(weights::TensorTable& table, const std::string& prefix, layers::ExpertFfn& to) const {
    const auto D = config_.geometry.hidden_size;
    table.stored_matrix(prefix + "gate.weight", config_.router.experts, D, to.router.gate);
    if (config_.choice_bias) table.vector(prefix + "gate.e_score_correction_bias", config_.router.experts, to.router.bias);
    for (std::size_t e = 0; e < to.experts.size(); ++e) {
        list_ffn(table, prefix + "experts." + std::to_string(e) + ".", D, config_.expert_width, to.experts[e]);
    }
    if (to.shared) list_ffn(table, prefix + "shared_experts.", D, config_.shared_width, *to.shared);
}

void LatentMoe::list_block(weights::TensorTable& table, const std::string& prefix, Block& to) const {
    const auto D = config_.geometry.hidden_size;
    table.vector(prefix + "input_layernorm.weight", D, to.attn_norm);
    list_attention(table, prefix + "self_attn.", to.mla.weights);
    if (to.indexer) list_indexer(table, prefix + "self_attn.indexer.", to.indexer->weights);
    table.vector(prefix + "post_attention_layernorm.weight", D, to.ffn_norm);
    if (auto* const experts = std::get_if<layers::ExpertFfn>(&to.ffn)) {
        list_experts(table, prefix + "mlp.", *experts);
    } else {
        list_ffn(table, prefix + "mlp.", D, config_.dense_width, std::get<layers::DenseFfn>(to.ffn));
    }
}

void LatentMoe::list_model(weights::TensorTable& table) {
    const auto D = config_.geometry.hidden_size;
    table.stored_matrix("model.embed_tokens.weight", config_.geometry.vocab_size, D, embedding_);
    for (std::size_t i = 0; i < blocks_.size(); ++i) list_block(table, layer_prefix(static_cast<std::int64_t>(i)), blocks_[i]);
    table.vector("model.norm.weight", D, norm_);
    if (config_.tied) {
        table.ignore("lm_head.weight");  // some files carry the copy
        table.derive({.name = "model.embed_tokens.packed", .rows = config_.geometry.vocab_size, .cols = D, .from = &embedding_, .to = &head_, .format = [this] { return tied_head_format(); }, .make = [this](std::vector<std::byte>&) { return embedding_; }});
    } else {
        table.matrix("lm_head.weight", config_.geometry.vocab_size, D, head_);
    }
    table.ignore("rotary_emb.inv_freq");
}

// One layer more than the config counts. Files that leave out its copies of embedding and head mean the network's own.
void LatentMoe::list_prediction(weights::TensorTable& table) {
    const auto D = config_.geometry.hidden_size, V = config_.geometry.vocab_size;
    const auto prefix = layer_prefix(config_.geometry.layers);
    auto& w = prediction_->weights;
    table.announced_by("num_nextn_predict_layers");
    table.stored_matrix(prefix + "embed_tokens.weight", V, D, w.embedding, "model.embed_tokens.weight");
    table.vector(prefix + "enorm.weight", D, w.embedding_norm);
    table.vector(prefix + "hnorm.weight", D, w.hidden_norm);
    table.matrix(prefix + "eh_proj.weight", D, 2 * D, w.join);
    list_block(table, prefix, w.block);
    table.vector(prefix + "shared_head.norm.weight", D, w.norm);
    table.matrix(prefix + "shared_head.head.weight", V, D, w.head, config_.tied ? "model.embed_tokens.weight" : "lm_head.weight");
}

void LatentMoe::list_tensors(weights::TensorTable& table) {
    table.fp8_blocks(config_.fp8_blocks);
    list_model(table);
    if (prediction_) list_prediction(table);
}

// A head of its own where the embedding, which is looked up row by row, would not do.
std::optional<DType> LatentMoe::tied_head_format() const {
    return config_.tied && weights::can_pack(embedding_.dtype, embedding_.cols) ? std::optional(embedding_.dtype) : std::nullopt;
}

// Fast mode has something to gain.
bool LatentMoe::has_packed_blocks() const {
    return std::ranges::any_of(blocks_, [](const Block& block) { return block.mla.weights.wo.packed() || weights::packs_copy(block.mla.weights.wo.dtype, block.mla.weights.wo.cols); });
}

void LatentMoe::tie_weights() {
    if (config_.tied && head_.data == nullptr) head_ = embedding_;
    const auto tie = [](Block& block) {
        auto& kv_b = block.mla.weights.wkv_b;
        if (kv_b.uk_transposed.data != nullptr && has_packed_form(kv_b.w)) kv_b.packed = packed_form(kv_b.w);
    };
    for (auto& block : blocks_) tie(block);
    if (prediction_) tie(prediction_->weights.block);
}

void LatentMoe::count_parameters() {
    weights::TensorTable table;
    list_model(table);
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

}  // namespace rorqual::families::latent_moe
