// Keys that mean the same in every architecture.
#include "families/gguf_config.hpp"

namespace rorqual::families {

// Files that have such a layer count it among their blocks, where it is the last. Most have none, but may keep the key.
GgufDepth gguf_depth(GgufConfig& c) {
    const auto blocks = c.integer("block_count");
    const auto announced = c.integer("nextn_predict_layers").value_or(0);
    if (!blocks) return {};
    const auto has = [&](std::int64_t block, const char* tensor) { return c.find_tensor("blk." + std::to_string(block) + "." + tensor) != nullptr; };
    for (const auto block : {*blocks - 1, *blocks}) {
        if (!has(block, "nextn.eh_proj.weight")) continue;
        if (announced > 1) c.complain("nextn_predict_layers", "expected 0 or 1", Status::unsupported);
        return {block, true};
    }
    const bool left_out = announced == 1 && *blocks > 1 && !has(*blocks - 1, "attn_norm.weight");
    return {left_out ? *blocks - 1 : *blocks};
}

void set_gguf_sizes(GgufConfig& c) {
    auto vocabulary = c.integer("vocab_size");
    if (!c.has("vocab_size")) {  // as in older files
        const auto* const embedding = c.find_tensor("token_embd.weight");
        if (embedding != nullptr && embedding->shape.size() == 2) vocabulary = embedding->shape[0];
    }
    c.set_integer("vocab_size", "vocab_size", vocabulary);
    c.set_integer("hidden_size", "embedding_length");
    const auto [layers, predicts] = gguf_depth(c);
    c.set_integer("num_hidden_layers", "block_count", layers);
    if (predicts) c.set_integer("num_nextn_predict_layers", "nextn_predict_layers", 1);
    c.set_integer("max_position_embeddings", "context_length");
    c.set_number("rms_norm_eps", "attention.layer_norm_rms_epsilon");
}

void set_gguf_indexer(GgufConfig& c) {
    c.set_integer("index_n_heads", "attention.indexer.head_count");
    c.set_integer("index_head_dim", "attention.indexer.key_length");
    c.set_integer("index_topk", "attention.indexer.top_k");
}

namespace {

// Settings of other engines that would change the result, where they are not what this family always does.
void refuse_unless(GgufConfig& c, const char* key, double usual) {
    const auto value = c.number(key);
    if (value && *value != usual) c.complain(key, "expected a model without it", Status::unsupported);
}

}  // namespace

void set_gguf_rope(GgufConfig& c) {
    c.set_number("rope_theta", "rope.freq_base");
    refuse_unless(c, "rope.scaling.attn_factor", 1);
    refuse_unless(c, "rope.scaling.yarn_attn_factor", 1);
    refuse_unless(c, "rope.scaling.yarn_ext_factor", 1);
    refuse_unless(c, "attention.temperature_scale", 0);
    const auto type = c.text("rope.scaling.type");
    if (type == "none" || (!c.has("rope.scaling.type") && !c.has("rope.scaling.factor"))) return;

    c.begin_object("rope_scaling");
    c.set_text("type", "rope.scaling.type", type);
    c.set_number("factor", "rope.scaling.factor");
    c.set_integer("original_max_position_embeddings", "rope.scaling.original_context_length");
    c.set_number("beta_fast", "rope.scaling.yarn_beta_fast");
    c.set_number("beta_slow", "rope.scaling.yarn_beta_slow");
    // A tenth of mscale_all_dim. mscale itself is not stored: in every published model the two are equal.
    if (auto scale = c.number("rope.scaling.yarn_log_multiplier")) {
        for (const char* key : {"mscale", "mscale_all_dim"}) c.set_number(key, "rope.scaling.yarn_log_multiplier", 10 * *scale);
    }
    c.end_object();
}

}  // namespace rorqual::families
