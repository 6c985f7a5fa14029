// The keys of GGUF architectures "deepseek2" and "deepseek32" as those of the published config.json.
// https://github.com/ggml-org/llama.cpp: gguf-py/gguf/constants.py, convert_hf_to_gguf.py and src/llama-model.cpp.
#include "families/gguf_config.hpp"

namespace rorqual::families::latent_moe {
namespace {

// 1 softmax, 2 sigmoid, 4 the square root of softplus. Older files do not say; a bias of the choice came with sigmoid.
std::string scoring(GgufConfig& c) {
    const bool has_bias = [&] {
        const auto first = c.integer("leading_dense_block_count").value_or(0);
        return c.find_tensor("blk." + std::to_string(first) + ".exp_probs_b.bias") != nullptr;
    }();
    const auto function = c.has("expert_gating_func") ? c.integer("expert_gating_func") : has_bias ? 2
                                                                                                   : 1;
    switch (function.value_or(0)) {
        case 1: return "softmax";
        case 2: return "sigmoid";
        case 4: return "sqrtsoftplus";
        default: return std::to_string(function.value_or(0));
    }
}

bool has_indexer(const GgufConfig& c) { return c.architecture() == "deepseek32"; }

void sizes(GgufConfig& c) {
    c.set_text("model_type", "general.architecture", has_indexer(c) ? "deepseek_v32" : scoring(c) == "sigmoid" ? "deepseek_v3"
                                                                                                               : "deepseek_v2");
    set_gguf_sizes(c);
    c.set_boolean("tie_word_embeddings", "vocab_size", c.find_tensor("output.weight") == nullptr);
    c.set_integer("intermediate_size", "feed_forward_length");
}

void attention(GgufConfig& c) {
    c.set_integer("num_attention_heads", "attention.head_count");
    // Files made for absorbed attention call it one head that all share.
    if (const auto shared = c.integer("attention.head_count_kv"); shared != 1) c.set_integer("num_key_value_heads", "attention.head_count_kv", shared);
    c.set_integer("q_lora_rank", "attention.q_lora_rank");
    c.set_integer("kv_lora_rank", "attention.kv_lora_rank");
    const auto rope = c.integer("rope.dimension_count");
    c.set_integer("qk_rope_head_dim", "rope.dimension_count", rope);

    // The same files give the sizes of a latent as key_length and value_length, and those of a head under other names.
    const char* const key_length = c.has("attention.key_length_mla") ? "attention.key_length_mla" : "attention.key_length";
    const char* const value_length = c.has("attention.value_length_mla") ? "attention.value_length_mla" : "attention.value_length";
    auto nope = c.integer(key_length);
    if (nope && rope && *rope > 0) {
        if (*nope <= *rope) {
            c.complain(key_length, "is " + std::to_string(*nope) + ", expected more than rope.dimension_count, " + std::to_string(*rope), Status::corrupt);
            return;
        }
        nope = *nope - *rope;
    }
    c.set_integer("qk_nope_head_dim", key_length, nope);
    c.set_integer("v_head_dim", value_length);
}

struct Groups {
    std::optional<std::int64_t> all, kept;
};

// Files of DeepSeek-V2, V2.5, V3 and R1 from before there were keys for groups leave them out. They are told by their sizes.
Groups groups(GgufConfig& c) {
    if (c.has("expert_group_count")) return {c.integer("expert_group_count"), c.integer("expert_group_used_count")};
    const auto is = [&](std::int64_t experts, std::int64_t layers, std::int64_t width) {
        return c.integer("expert_count") == experts && gguf_depth(c).layers == layers && c.integer("embedding_length") == width;
    };
    if (is(160, 60, 5120)) return {8, 3};
    if (is(256, 61, 7168)) return {8, 4};
    return {1, 1};
}

void experts(GgufConfig& c) {
    const auto count = c.integer("expert_count");
    c.set_integer("n_routed_experts", "expert_count", count);
    if (!count || *count == 0) return;
    c.set_integer("num_experts_per_tok", "expert_used_count");
    c.set_integer("moe_intermediate_size", "expert_feed_forward_length");
    c.set_integer("n_shared_experts", "expert_shared_count");
    c.set_integer("first_k_dense_replace", "leading_dense_block_count");
    c.set_integer("moe_layer_freq", "moe_every_n_layers");
    const auto function = scoring(c);
    const bool is_v3 = function == "sigmoid";
    c.set_text("scoring_func", "expert_gating_func", function);
    auto normalised = c.boolean("expert_weights_norm");
    auto scale = c.number("expert_weights_scale");
    if (scale == 0) scale.reset();  // what some writers put for a scale that is not there
    if (is_v3) {                    // what a missing key means, where config.json has to say
        normalised = normalised.value_or(false);
        scale = scale.value_or(1);
    }
    c.set_boolean("norm_topk_prob", "expert_weights_norm", normalised);
    c.set_number("routed_scaling_factor", "expert_weights_scale", scale);
    const auto [all, kept] = groups(c);
    const bool grouped = all && *all != 1;
    c.set_text("topk_method", "expert_group_count", is_v3 ? "noaux_tc" : grouped ? "group_limited_greedy"
                                                                                 : "greedy");
    if (!grouped) return;
    c.set_integer("n_group", "expert_group_count", all);
    c.set_integer("topk_group", "expert_group_used_count", kept);
}

}  // namespace

void translate_gguf_config(GgufConfig& config) {
    sizes(config);
    attention(config);
    if (has_indexer(config)) set_gguf_indexer(config);
    set_gguf_rope(config);
    experts(config);
}

}  // namespace rorqual::families::latent_moe
