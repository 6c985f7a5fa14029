#include "convert/geometries.hpp"

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::convert {
namespace {

struct Geometry {
    std::string_view name;
    std::string_view config;
};

constexpr Geometry geometries[] = {
    // DeepSeek-V2-Lite, as published: 15.7 billion weights, 2.7 billion of them used per token.
    {"v2-lite", R"({
  "model_type": "deepseek_v2", "vocab_size": 102400, "hidden_size": 2048, "intermediate_size": 10944, "moe_intermediate_size": 1408,
  "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 64, "n_shared_experts": 2,
  "num_experts_per_tok": 6, "first_k_dense_replace": 1, "moe_layer_freq": 1, "topk_method": "greedy", "n_group": 1, "topk_group": 1,
  "scoring_func": "softmax", "norm_topk_prob": false, "routed_scaling_factor": 1.0, "hidden_act": "silu", "rms_norm_eps": 1e-06,
  "rope_theta": 10000, "max_position_embeddings": 163840, "tie_word_embeddings": false,
  "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
                   "mscale": 0.707, "mscale_all_dim": 0.707}})"},
    // Moonlight-16B-A3B, as published: DeepSeek-V3's router on V2-Lite's sizes, no compressed query, no YaRN.
    {"moonlight", R"({
  "model_type": "deepseek_v3", "vocab_size": 163840, "hidden_size": 2048, "intermediate_size": 11264, "moe_intermediate_size": 1408,
  "num_hidden_layers": 27, "num_attention_heads": 16, "num_key_value_heads": 16, "q_lora_rank": null, "kv_lora_rank": 512,
  "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "n_routed_experts": 64, "n_shared_experts": 2,
  "num_experts_per_tok": 6, "first_k_dense_replace": 1, "moe_layer_freq": 1, "topk_method": "noaux_tc", "n_group": 1, "topk_group": 1,
  "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.446, "hidden_act": "silu", "rms_norm_eps": 1e-05,
  "rope_theta": 50000, "max_position_embeddings": 8192, "tie_word_embeddings": false, "rope_scaling": null})"},
    // GLM-4.7-Flash, as published, without its layer that predicts further tokens: heads of 192 + 64 with values of 256.
    {"glm-4.7-flash", R"({
  "model_type": "glm4_moe_lite", "vocab_size": 154880, "hidden_size": 2048, "intermediate_size": 10240, "moe_intermediate_size": 1536,
  "num_hidden_layers": 47, "num_attention_heads": 20, "num_key_value_heads": 20, "q_lora_rank": 768, "kv_lora_rank": 512,
  "qk_nope_head_dim": 192, "qk_rope_head_dim": 64, "v_head_dim": 256, "n_routed_experts": 64, "n_shared_experts": 1,
  "num_experts_per_tok": 4, "first_k_dense_replace": 1, "topk_method": "noaux_tc", "n_group": 1, "topk_group": 1,
  "norm_topk_prob": true, "routed_scaling_factor": 1.8, "hidden_act": "silu", "rms_norm_eps": 1e-05,
  "rope_theta": 1000000, "max_position_embeddings": 202752, "tie_word_embeddings": false, "rope_scaling": null})"},
    // Small, for tests: rows of 256 beside rows that no block of 256 fills, a compressed query, an odd vocabulary.
    {"v2-tiny", R"({
  "model_type": "deepseek_v2", "vocab_size": 387, "hidden_size": 256, "intermediate_size": 352, "moe_intermediate_size": 96,
  "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5, "q_lora_rank": 96, "kv_lora_rank": 64,
  "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32, "n_routed_experts": 10, "n_shared_experts": 2,
  "num_experts_per_tok": 3, "first_k_dense_replace": 1, "moe_layer_freq": 1, "topk_method": "greedy", "n_group": 1, "topk_group": 1,
  "scoring_func": "softmax", "norm_topk_prob": false, "routed_scaling_factor": 1.0, "hidden_act": "silu", "rms_norm_eps": 1e-06,
  "rope_theta": 10000, "max_position_embeddings": 4096, "tie_word_embeddings": false,
  "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 1024, "beta_fast": 32, "beta_slow": 1,
                   "mscale": 0.707, "mscale_all_dim": 0.707}})"},
    // Small, for tests: DeepSeek-V3.2, whose indexer selects 32 tokens.
    {"v32-tiny", R"({
  "model_type": "deepseek_v32", "vocab_size": 387, "hidden_size": 256, "intermediate_size": 352, "moe_intermediate_size": 96,
  "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5, "q_lora_rank": 96, "kv_lora_rank": 64,
  "qk_nope_head_dim": 32, "qk_rope_head_dim": 16, "v_head_dim": 32, "index_n_heads": 6, "index_head_dim": 32, "index_topk": 32,
  "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "first_k_dense_replace": 1, "moe_layer_freq": 1,
  "topk_method": "noaux_tc", "n_group": 4, "topk_group": 2, "scoring_func": "sigmoid", "norm_topk_prob": true,
  "routed_scaling_factor": 2.5, "hidden_act": "silu", "rms_norm_eps": 1e-06, "rope_theta": 10000,
  "max_position_embeddings": 4096, "tie_word_embeddings": false,
  "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 1024, "beta_fast": 32, "beta_slow": 1,
                   "mscale": 1.0, "mscale_all_dim": 1.0}})"},
    // DeepSeek-V4 Flash with an eighth of its width, heads and experts' width: its layers of every kind, its head, window and index sizes.
    {"v4-mini", R"({
  "model_type": "deepseek_v4", "vocab_size": 129280, "hidden_size": 512, "moe_intermediate_size": 256, "num_hidden_layers": 43,
  "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 512, "qk_rope_head_dim": 64, "q_lora_rank": 128, "o_lora_rank": 128,
  "o_groups": 4, "sliding_window": 128,
  "compress_ratios": [0, 0, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128,
                      4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4, 128, 4],
  "index_n_heads": 8, "index_head_dim": 128, "index_topk": 512, "n_routed_experts": 256, "n_shared_experts": 1, "num_experts_per_tok": 6,
  "scoring_func": "sqrtsoftplus", "norm_topk_prob": true, "routed_scaling_factor": 1.5, "num_hash_layers": 3, "swiglu_limit": 10.0,
  "expert_dtype": "fp4", "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-06, "hidden_act": "silu", "rms_norm_eps": 1e-06,
  "rope_theta": 10000, "compress_rope_theta": 160000, "max_position_embeddings": 1048576, "tie_word_embeddings": false,
  "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 65536, "beta_fast": 32, "beta_slow": 1}})"},
    // Small, for tests: DeepSeek-V4 with layers of every kind.
    {"v4-tiny", R"({
  "model_type": "deepseek_v4", "vocab_size": 387, "hidden_size": 128, "moe_intermediate_size": 96, "num_hidden_layers": 5,
  "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 64, "qk_rope_head_dim": 16, "q_lora_rank": 64, "o_lora_rank": 32,
  "o_groups": 2, "sliding_window": 32, "compress_ratios": [0, 128, 4, 128, 4, 0],
  "index_n_heads": 4, "index_head_dim": 32, "index_topk": 8, "n_routed_experts": 12, "n_shared_experts": 1, "num_experts_per_tok": 3,
  "scoring_func": "sqrtsoftplus", "norm_topk_prob": true, "routed_scaling_factor": 1.5, "num_hash_layers": 2, "swiglu_limit": 10.0,
  "expert_dtype": "fp4", "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-06, "hidden_act": "silu", "rms_norm_eps": 1e-06,
  "rope_theta": 10000, "compress_rope_theta": 160000, "max_position_embeddings": 4096, "tie_word_embeddings": false,
  "rope_scaling": {"type": "yarn", "factor": 4, "original_max_position_embeddings": 128, "beta_fast": 32, "beta_slow": 1}})"},
};

std::string with_layers(std::string config, std::int64_t layers) {
    constexpr std::string_view key = "\"num_hidden_layers\": ";
    const auto begin = config.find(key) + key.size();
    return config.replace(begin, config.find(',', begin) - begin, std::to_string(layers));
}

}  // namespace

std::string geometry_config(std::string_view name, std::int64_t layers) {
    std::string known;
    for (const auto& geometry : geometries) {
        if (geometry.name == name) return layers == 0 ? std::string(geometry.config) : with_layers(std::string(geometry.config), layers);
        known += (known.empty() ? "" : ", ") + std::string(geometry.name);
    }
    throw Error(Status::invalid_argument, "geometry: \"" + io::printable(name) + "\", expected one of " + known);
}

}  // namespace rorqual::convert
