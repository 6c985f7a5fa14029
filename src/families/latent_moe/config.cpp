#include "families/latent_moe/config.hpp"

#include <cmath>

#include "families/fp8_config.hpp"
#include "weights/config_reader.hpp"

namespace rorqual::families::latent_moe {
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
// deepseek_v2/modular_deepseek_v2.py and deepseek_v3/modeling_deepseek_v3.py: the norms without eps; also the published remote code).
constexpr float attention_norm_eps = 1e-6f;

}  // namespace

void ConfigReading::sizes() {
    auto& g = c.geometry;
    g.vocab_size = reader.integer("vocab_size", 1, most_vocabulary);
    g.hidden_size = reader.integer("hidden_size", 1, most_width);
    g.layers = reader.integer("num_hidden_layers", 1, most_layers);
    g.context = reader.integer("max_position_embeddings", 1, most_positions);
    c.dense_width = reader.integer("intermediate_size", 1, most_width);
    c.norm_eps = static_cast<float>(reader.number("rms_norm_eps", 1e-12, 0.1));
    c.tied = reader.boolean_or("tie_word_embeddings", false);
    (void)reader.choice_or("hidden_act", "silu", {"silu"});
}

void ConfigReading::attention() {
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
    if (!reader.boolean_or("rope_interleave", true)) refuse("rope_interleave", "expected true: pairs of neighbours are rotated");
}

// Two forms: rope_theta beside rope_scaling, and both joined in rope_parameters.
void ConfigReading::rope() {
    auto parameters = reader.object("rope_parameters");
    auto& home = parameters && parameters->has("rope_theta") ? *parameters : reader;
    c.rope_theta = home.number("rope_theta", 1, 1e12);
    auto scaling = parameters ? parameters : reader.object("rope_scaling");
    if (scaling) {
        if (scaling->number_or("partial_rotary_factor", 1, 0, 1) != 1) refuse("partial_rotary_factor", "expected 1: qk_rope_head_dim says what is rotated");
        const char* const key = scaling->has("rope_type") ? "rope_type" : "type";
        if (scaling->choice(key, {"yarn", "default"}) == "yarn") yarn(*scaling, key);
    }
    const auto& shape = c.mla.shape;
    const auto head_dim = static_cast<double>(shape.qk_nope_head_dim + shape.qk_rope_head_dim);
    c.mla.shape.softmax_scale = static_cast<float>(c.yarn.softmax_factor() / std::sqrt(head_dim));
}

void ConfigReading::yarn(ConfigReader& scaling, const char* key) {
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

void ConfigReading::indexer() {
    auto& i = c.indexer.emplace();
    i.hidden = c.geometry.hidden_size;
    i.q_lora_rank = c.mla.q_lora_rank;
    i.heads = reader.integer("index_n_heads", 1, most_heads);
    i.head_dim = reader.integer("index_head_dim", 2, most_head_dim);
    i.top_k = reader.integer("index_topk", 1, most_positions);
    if (i.q_lora_rank == 0) reader.complain("q_lora_rank", "expected at least 1: the indexer's queries are made of that latent");
    if (i.head_dim < c.mla.shape.qk_rope_head_dim) reader.complain("index_head_dim", "expected no less than qk_rope_head_dim, which is rotated");
    if (i.heads * i.head_dim > most_joined_width) reader.complain("index_n_heads", "all heads together are wider than " + std::to_string(most_joined_width));
}

bool ConfigReading::experts() {
    auto& r = c.router;
    r.experts = c.geometry.routed_experts = reader.integer_or("n_routed_experts", 0, 0, most_experts);
    c.geometry.dense_layers = c.geometry.layers;
    if (r.experts == 0) return false;
    r.experts_per_token = c.geometry.experts_per_token = reader.integer("num_experts_per_tok", 1, r.experts);
    c.expert_width = reader.integer("moe_intermediate_size", 1, most_width);
    c.shared_width = reader.integer_or("n_shared_experts", 0, 0, most_experts) * c.expert_width;
    c.first_experts = reader.integer("first_k_dense_replace", 0, most_layers);
    c.experts_every = reader.integer_or("moe_layer_freq", 1, 1, most_layers);
    return true;
}

void ConfigReading::groups(bool required) {
    auto& r = c.router;
    r.groups = required ? reader.integer("n_group", 1, r.experts) : reader.integer_or("n_group", 1, 1, r.experts);
    r.groups_kept = required || r.groups > 1 ? reader.integer("topk_group", 1, r.groups) : reader.integer_or("topk_group", 1, 1, r.groups);
}

void ConfigReading::check_experts() {
    const auto& r = c.router;
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

void ConfigReading::common(const std::vector<std::string>& model_types) {
    c.geometry.model_type = reader.choice("model_type", model_types);
    sizes();
    attention();
    rope();
    c.fp8_blocks = read_fp8_blocks(reader);
}

}  // namespace rorqual::families::latent_moe
