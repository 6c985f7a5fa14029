// The keys of GGUF architecture "deepseek4" as those of the published config.json.
// https://github.com/ggml-org/llama.cpp: gguf-py/gguf/constants.py and src/models/deepseek4.cpp.
#include "families/gguf_config.hpp"

namespace rorqual::families::deepseek_v4 {
namespace {

void attention(GgufConfig& c) {
    c.set_integer("num_attention_heads", "attention.head_count");
    c.set_integer("num_key_value_heads", "attention.head_count_kv");
    const auto width = c.integer("attention.key_length");
    c.set_integer("head_dim", "attention.key_length", width);
    if (const auto values = c.integer("attention.value_length"); values && values != width) {
        c.complain("attention.value_length", "expected what attention.key_length is", Status::unsupported);
    }
    c.set_integer("qk_rope_head_dim", "rope.dimension_count");
    c.set_integer("q_lora_rank", "attention.q_lora_rank");
    c.set_integer("o_lora_rank", "attention.output_lora_rank");
    c.set_integer("o_groups", "attention.output_group_count");
    c.set_integer("sliding_window", "attention.sliding_window");
    c.set_integers("compress_ratios", "attention.compress_ratios");
    set_gguf_indexer(c);
    c.set_number("compress_rope_theta", "attention.compress_rope_freq_base");
}

// One limit for all layers and for shared experts, as config.json has it.
void swiglu_limit(GgufConfig& c) {
    const auto limits = c.numbers("swiglu_clamp_exp");
    std::optional<double> limit;
    if (limits && limits->size() == 1) limit = *limits->begin();
    if (limits && limits->size() != 1) c.complain("swiglu_clamp_exp", "expected the same for all layers", Status::unsupported);
    if (const auto shared = c.numbers("swiglu_clamp_shexp"); shared && limits && shared != limits) {
        c.complain("swiglu_clamp_shexp", "expected what swiglu_clamp_exp is", Status::unsupported);
    }
    c.set_number("swiglu_limit", "swiglu_clamp_exp", limit);
}

void experts(GgufConfig& c) {
    c.set_integer("n_routed_experts", "expert_count");
    c.set_integer("num_experts_per_tok", "expert_used_count");
    c.set_integer("moe_intermediate_size", "expert_feed_forward_length");
    c.set_integer("n_shared_experts", "expert_shared_count");
    c.set_integer("num_hash_layers", "hash_layer_count");
    c.set_boolean("norm_topk_prob", "expert_weights_norm");
    c.set_number("routed_scaling_factor", "expert_weights_scale");
    constexpr std::int64_t sqrt_softplus = 4;
    if (const auto function = c.integer("expert_gating_func"); function && function != sqrt_softplus) {
        c.complain("expert_gating_func", "is " + std::to_string(*function) + ", expected 4, the square root of softplus", Status::unsupported);
    }
    swiglu_limit(c);
}

void hyper_connections(GgufConfig& c) {
    c.set_integer("hc_mult", "hyper_connection.count");
    c.set_integer("hc_sinkhorn_iters", "hyper_connection.sinkhorn_iterations");
    c.set_number("hc_eps", "hyper_connection.epsilon");
}

}  // namespace

void translate_gguf_config(GgufConfig& config) {
    config.set_text("model_type", "general.architecture", "deepseek_v4");
    set_gguf_sizes(config);
    attention(config);
    set_gguf_rope(config);
    experts(config);
    hyper_connections(config);
}

}  // namespace rorqual::families::deepseek_v4
