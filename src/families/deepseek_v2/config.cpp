#include "families/deepseek_v2/config.hpp"

#include <cmath>

#include "weights/config_reader.hpp"

namespace rorqual::families::deepseek_v2 {
namespace {

using weights::ConfigReader;

// Limits well beyond every published model, and small enough that no product of sizes leaves 64 bits and no config alone
// makes anybody allocate much.
constexpr std::int64_t most_width = std::int64_t{1} << 18;         // of one layer's vectors
constexpr std::int64_t most_joined_width = std::int64_t{1} << 20;  // of all heads or all shared experts side by side
constexpr std::int64_t most_head_dim = std::int64_t{1} << 12;
constexpr std::int64_t most_heads = std::int64_t{1} << 12;
constexpr std::int64_t most_layers = std::int64_t{1} << 10;
constexpr std::int64_t most_experts = std::int64_t{1} << 13;      // in a layer
constexpr std::int64_t most_all_experts = std::int64_t{1} << 17;  // in all layers together
constexpr std::int64_t most_vocabulary = std::int64_t{1} << 24;
constexpr std::int64_t most_positions = std::int64_t{1} << 28;

// The norms inside attention are built with the module's default epsilon, whatever rms_norm_eps says (transformers,
// deepseek_v2/modular_deepseek_v2.py: DeepseekV2RMSNorm without eps; also the published remote code).
constexpr float attention_norm_eps = 1e-6f;

// Reads the file once, top to bottom; complains about what is not supported.
struct Reading {
    ConfigReader reader;
    Config c;

    void refuse(const char* key, const char* expected) { reader.complain(key, expected, Status::unsupported); }
    void sizes();
    void attention();
    void rope();
    void yarn(ConfigReader& scaling, const char* key);
    void experts();
};

void Reading::sizes() {
    auto& g = c.geometry;
    g.model_type = "deepseek_v2";
    g.vocab_size = reader.integer("vocab_size", 1, most_vocabulary);
    g.hidden_size = reader.integer("hidden_size", 1, most_width);
    g.layers = reader.integer("num_hidden_layers", 1, most_layers);
    g.context = reader.integer("max_position_embeddings", 1, most_positions);
    c.dense_width = reader.integer("intermediate_size", 1, most_width);
    c.norm_eps = static_cast<float>(reader.number("rms_norm_eps", 1e-12, 0.1));
    c.tied = reader.boolean_or("tie_word_embeddings", false);
    (void)reader.choice_or("hidden_act", "silu", {"silu"});
}

void Reading::attention() {
    auto& shape = c.mla.shape;
    shape.heads = c.geometry.heads = reader.integer("num_attention_heads", 1, most_heads);
    shape.kv_lora_rank = reader.integer("kv_lora_rank", 1, most_width);
    shape.qk_nope_head_dim = reader.integer("qk_nope_head_dim", 1, most_head_dim);
    shape.qk_rope_head_dim = reader.integer("qk_rope_head_dim", 2, most_head_dim);
    shape.v_head_dim = reader.integer("v_head_dim", 1, most_head_dim);
    c.mla.hidden = c.geometry.hidden_size;
    c.mla.q_lora_rank = reader.integer_or("q_lora_rank", 0, 0, most_width);
    c.mla.norm_eps = attention_norm_eps;
    if (shape.qk_rope_head_dim % 2 != 0) reader.complain("qk_rope_head_dim", "expected an even number: pairs are rotated");
    const auto head_dim = shape.qk_nope_head_dim + std::max(shape.qk_rope_head_dim, shape.v_head_dim);
    if (shape.heads * head_dim > most_joined_width) {
        reader.complain("num_attention_heads", "all heads together are wider than " + std::to_string(most_joined_width));
    }
    if (reader.integer_or("num_key_value_heads", shape.heads, 1, most_heads) != shape.heads) {
        refuse("num_key_value_heads", "expected as many as num_attention_heads: all heads share one latent");
    }
    if (reader.boolean_or("attention_bias", false)) refuse("attention_bias", "expected false");
    if (!reader.boolean_or("use_mla", true)) refuse("use_mla", "expected true");
}

// Two forms: rope_theta beside rope_scaling, and both joined in rope_parameters.
void Reading::rope() {
    auto parameters = reader.object("rope_parameters");
    auto& home = parameters && parameters->has("rope_theta") ? *parameters : reader;
    c.rope_theta = home.number("rope_theta", 1, 1e12);
    auto scaling = parameters ? parameters : reader.object("rope_scaling");
    if (scaling) {
        const char* const key = scaling->has("rope_type") ? "rope_type" : "type";
        if (scaling->choice(key, {"yarn", "default"}) == "yarn") yarn(*scaling, key);
    }
    const auto& shape = c.mla.shape;
    const auto head_dim = static_cast<double>(shape.qk_nope_head_dim + shape.qk_rope_head_dim);
    c.mla.shape.softmax_scale = static_cast<float>(c.yarn.softmax_factor() / std::sqrt(head_dim));
}

void Reading::yarn(ConfigReader& scaling, const char* key) {
    auto& y = c.yarn;
    if (!scaling.has(key)) return;  // told already
    y.factor = scaling.number("factor", 1, 1e6);
    y.original_positions = static_cast<double>(scaling.integer("original_max_position_embeddings", 1, most_positions));
    y.beta_fast = scaling.number_or("beta_fast", 32, 1e-3, 1e6);
    y.beta_slow = scaling.number_or("beta_slow", 1, 1e-3, 1e6);
    y.mscale = scaling.number_or("mscale", 0, 0, 100);
    y.mscale_all_dim = scaling.number_or("mscale_all_dim", 0, 0, 100);
    if (y.beta_fast < y.beta_slow) scaling.complain("beta_fast", "expected no less than beta_slow");
    for (const char* unknown : {"attention_factor", "truncate"}) {
        if (scaling.has(unknown)) refuse(unknown, "expected a rope scaling without it");
    }
}

void Reading::experts() {
    auto& r = c.router;
    r.experts = c.geometry.routed_experts = reader.integer_or("n_routed_experts", 0, 0, most_experts);
    c.geometry.dense_layers = c.geometry.layers;
    if (r.experts == 0) return;
    r.experts_per_token = c.geometry.experts_per_token = reader.integer("num_experts_per_tok", 1, r.experts);
    c.expert_width = reader.integer("moe_intermediate_size", 1, most_width);
    c.shared_width = reader.integer_or("n_shared_experts", 0, 0, most_experts) * c.expert_width;
    c.first_experts = reader.integer("first_k_dense_replace", 0, most_layers);
    c.experts_every = reader.integer_or("moe_layer_freq", 1, 1, most_layers);
    (void)reader.choice_or("scoring_func", "softmax", {"softmax"});
    if (reader.choice("topk_method", {"greedy", "group_limited_greedy"}) == "group_limited_greedy") {
        r.groups = reader.integer("n_group", 1, r.experts);
        r.groups_kept = reader.integer("topk_group", 1, r.groups);
    }
    // The published remote code normalises or multiplies, never both, and does not normalise a single weight.
    r.normalise = reader.boolean_or("norm_topk_prob", false) && r.experts_per_token > 1;
    const double factor = reader.number_or("routed_scaling_factor", 1, 1e-6, 1e6);
    r.scale = r.normalise ? 1 : static_cast<float>(factor);

    if (r.experts % r.groups != 0) {
        reader.complain("n_group", "expected a divisor of n_routed_experts, " + std::to_string(r.experts));
    } else if (r.experts_per_token > r.groups_kept * (r.experts / r.groups)) {
        reader.complain("num_experts_per_tok", "expected no more than topk_group groups hold, " +
                                                   std::to_string(r.groups_kept * (r.experts / r.groups)));
    }
    if (c.shared_width > most_joined_width) {
        reader.complain("n_shared_experts", "all shared experts together are wider than " + std::to_string(most_joined_width));
    }
    for (std::int64_t layer = 0; layer < c.geometry.layers; ++layer) c.geometry.dense_layers -= c.has_experts(layer);
    if ((c.geometry.layers - c.geometry.dense_layers) * r.experts > most_all_experts) {
        reader.complain("n_routed_experts", "all layers together have more than " + std::to_string(most_all_experts));
    }
}

}  // namespace

Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    Reading reading{ConfigReader(config, origin, problems), {}};
    reading.sizes();
    reading.attention();
    reading.rope();
    reading.experts();
    return reading.c;
}

}  // namespace rorqual::families::deepseek_v2
