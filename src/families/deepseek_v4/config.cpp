#include "families/deepseek_v4/config.hpp"

#include <algorithm>
#include <string>

#include <nlohmann/json.hpp>

#include "families/deepseek_v4/saved_config.hpp"
#include "families/fp8_config.hpp"

namespace rorqual::families::deepseek_v4 {
namespace {

using weights::ConfigReader;

// Limits well beyond every published model, and small enough that no product of sizes leaves 64 bits and no config alone
// makes anybody allocate much.
constexpr std::int64_t most_width = std::int64_t{1} << 18;         // of one layer's vectors
constexpr std::int64_t most_joined_width = std::int64_t{1} << 20;  // of all heads, streams or shared experts side by side
constexpr std::int64_t most_head_dim = std::int64_t{1} << 12;
constexpr std::int64_t most_heads = std::int64_t{1} << 12;
constexpr std::int64_t most_window = std::int64_t{1} << 16;
constexpr std::int64_t most_layers = std::int64_t{1} << 10;
constexpr std::int64_t most_experts = std::int64_t{1} << 13;      // in a layer
constexpr std::int64_t most_all_experts = std::int64_t{1} << 17;  // in all layers together
constexpr std::int64_t most_vocabulary = std::int64_t{1} << 24;
constexpr std::int64_t most_positions = std::int64_t{1} << 28;
constexpr std::int64_t most_rounds = 1000;

struct Reading {
    ConfigReader reader;
    Config c{};

    void sizes();
    void hyper_connections();
    void attention();
    void ratios();
    void indexer();
    void rope();
    void experts();

    void refuse(const char* key, const char* expected) { reader.complain(key, expected, Status::unsupported); }
};

void Reading::sizes() {
    auto& g = c.geometry;
    g.model_type = reader.choice("model_type", {"deepseek_v4"});
    g.vocab_size = reader.integer("vocab_size", 1, most_vocabulary);
    g.hidden_size = reader.integer("hidden_size", 1, most_width);
    g.layers = reader.integer("num_hidden_layers", 1, most_layers);
    g.context = reader.integer("max_position_embeddings", 1, most_positions);
    c.norm_eps = static_cast<float>(reader.number("rms_norm_eps", 1e-12, 0.1));
    (void)reader.choice_or("hidden_act", "silu", {"silu"});
    if (reader.boolean_or("tie_word_embeddings", false)) refuse("tie_word_embeddings", "expected false");
    // Later checkpoints draft in three stages, which are another thing: their tensors are left alone.
    c.predicts = reader.integer_or("num_nextn_predict_layers", 0, 0, most_layers) == 1 && !reader.has("dspark_block_size");
    (void)reader.choice_or("expert_dtype", "fp4", {"fp4", "fp8", "bf16"});  // whatever it is: each tensor tells by itself
}

void Reading::hyper_connections() {
    auto& h = c.hyper;
    h.streams = reader.integer("hc_mult", 1, layers::HyperConfig::most_streams);
    h.hidden = c.geometry.hidden_size;
    h.sinkhorn_rounds = reader.integer("hc_sinkhorn_iters", 1, most_rounds);
    h.eps = static_cast<float>(reader.number("hc_eps", 0, 0.1));
    h.norm_eps = c.norm_eps;
    if (h.streams * h.hidden > most_joined_width) reader.complain("hc_mult", "all streams together are wider than " + std::to_string(most_joined_width));
}

void Reading::attention() {
    auto& a = c.attention;
    a.hidden = c.geometry.hidden_size;
    a.heads = c.geometry.heads = reader.integer("num_attention_heads", 1, most_heads);
    a.width = reader.integer("head_dim", 2, most_head_dim);
    a.rope = reader.integer("qk_rope_head_dim", 2, most_head_dim);
    a.q_lora_rank = reader.integer("q_lora_rank", 1, most_width);
    a.o_lora_rank = reader.integer("o_lora_rank", 1, most_width);
    a.o_groups = reader.integer("o_groups", 1, most_heads);
    a.window = reader.integer("sliding_window", 1, most_window);
    a.norm_eps = c.norm_eps;
    if (a.width % 2 != 0) reader.complain("head_dim", "expected an even number");
    if (a.rope % 2 != 0) reader.complain("qk_rope_head_dim", "expected an even number: pairs are rotated");
    if (a.rope > a.width) reader.complain("qk_rope_head_dim", "expected no more than head_dim, " + std::to_string(a.width));
    if (a.heads * a.width > most_joined_width) {
        reader.complain("num_attention_heads", "all heads together are wider than " + std::to_string(most_joined_width));
    }
    if (a.heads * a.width % a.o_groups != 0) reader.complain("o_groups", "expected a divisor of num_attention_heads x head_dim, " + std::to_string(a.heads * a.width));
    if (a.o_groups * a.o_lora_rank > most_joined_width) {
        reader.complain("o_lora_rank", "all groups together are wider than " + std::to_string(most_joined_width));
    }
    if (reader.integer_or("num_key_value_heads", 1, 1, most_heads) != 1) refuse("num_key_value_heads", "expected 1: all heads share one key");
    if (reader.boolean_or("attention_bias", false)) refuse("attention_bias", "expected false");
}

// By layer number: published files say more than there are layers, of those that draft.
void Reading::ratios() {
    const auto all = reader.integers_or_empty("compress_ratios", 0, most_positions);
    const auto layers = static_cast<std::size_t>(c.geometry.layers);
    if (all.size() < layers) {
        reader.complain("compress_ratios", std::to_string(all.size()) + " ratios, expected 0, 4 or 128 for each of " + std::to_string(layers) + " layers");
        return;
    }
    for (std::size_t i = 0; i < layers; ++i) {
        if (all[i] != 0 && all[i] != 4 && all[i] != 128) {
            reader.complain("compress_ratios", "element " + std::to_string(i) + " is " + std::to_string(all[i]) + ", expected 0, 4 or 128", Status::unsupported);
            return;
        }
        c.ratios.push_back(static_cast<Ratio>(all[i]));
    }
}

void Reading::indexer() {
    if (!c.has_indexer()) return;
    auto& x = c.indexer;
    x.heads = reader.integer("index_n_heads", 1, most_heads);
    x.width = reader.integer("index_head_dim", 2, most_head_dim);
    x.rope = c.attention.rope;
    x.hidden = c.geometry.hidden_size;
    x.q_lora_rank = c.attention.q_lora_rank;
    const auto top_k = reader.integer("index_topk", 1, std::max<std::int64_t>(1, c.geometry.context));
    x.top_k = std::min(top_k, std::max<std::int64_t>(1, c.most_entries(c.geometry.context)));  // more are never there
    if (x.width % 2 != 0) reader.complain("index_head_dim", "expected an even number");
    if (x.rope > x.width) reader.complain("index_head_dim", "expected at least qk_rope_head_dim, " + std::to_string(x.rope));
    if (x.width > c.attention.width) refuse("index_head_dim", "expected no more than head_dim");
    if (x.heads * x.width > most_joined_width) {
        reader.complain("index_n_heads", "all heads together are wider than " + std::to_string(most_joined_width));
    }
}

void Reading::rope() {
    c.rope_theta = reader.number("rope_theta", 1.001, 1e12);
    c.compress_rope_theta = reader.number("compress_rope_theta", 1.001, 1e12);
    auto scaling = reader.object("rope_scaling");
    if (!scaling) return;
    const char* const key = scaling->has("rope_type") ? "rope_type" : "type";
    if (scaling->choice(key, {"yarn", "default"}) != "yarn" || !scaling->has(key)) return;
    auto& y = c.yarn;
    y.factor = scaling->number("factor", 1, 1e6);
    y.original_positions = static_cast<double>(scaling->integer("original_max_position_embeddings", 1, most_positions));
    y.beta_fast = scaling->number_or("beta_fast", 32, 1e-3, 1e6);
    y.beta_slow = scaling->number_or("beta_slow", 1, 1e-3, 1e6);
    if (y.beta_fast < y.beta_slow) scaling->complain("beta_fast", "expected no less than beta_slow");
    // Frequencies alone: neither cos and sin nor the softmax are scaled, whatever YaRN says.
    y.mscale = y.mscale_all_dim = 1;
}

void Reading::experts() {
    auto& r = c.router;
    r.experts = c.geometry.routed_experts = reader.integer("n_routed_experts", 1, most_experts);
    r.experts_per_token = c.geometry.experts_per_token = reader.integer("num_experts_per_tok", 1, r.experts);
    (void)reader.choice_or("scoring_func", "sqrtsoftplus", {"sqrtsoftplus"});
    (void)reader.choice_or("topk_method", "noaux_tc", {"noaux_tc"});
    r.scoring = Scoring::sqrt_softplus;
    r.normalise = reader.boolean("norm_topk_prob");
    r.scale = static_cast<float>(reader.number("routed_scaling_factor", 1e-6, 1e6));
    if (reader.integer_or("n_group", 1, 1, most_experts) != 1) refuse("n_group", "expected none: experts have no groups");
    c.hash_layers = reader.integer("num_hash_layers", 0, most_layers);
    c.expert_width = reader.integer("moe_intermediate_size", 1, most_width);
    c.shared_width = reader.integer_or("n_shared_experts", 0, 0, most_experts) * c.expert_width;
    c.swiglu_limit.most = static_cast<float>(reader.number("swiglu_limit", 1e-6, 1e30));
    if (c.shared_width > most_joined_width) {
        reader.complain("n_shared_experts", "all shared experts together are wider than " + std::to_string(most_joined_width));
    }
    if (c.geometry.layers * r.experts > most_all_experts) {
        reader.complain("n_routed_experts", "all layers together have more than " + std::to_string(most_all_experts));
    }
}

}  // namespace

bool Config::has_indexer() const noexcept { return std::ranges::find(ratios, Ratio::sparse) != ratios.end(); }

Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    auto called = origin;
    const auto published = with_published_keys(config, called, problems);
    Reading reading{.reader = ConfigReader(published, called, problems)};
    reading.sizes();
    reading.hyper_connections();
    reading.attention();
    reading.ratios();
    reading.indexer();
    reading.rope();
    reading.experts();
    reading.c.fp8_blocks = read_fp8_blocks(reading.reader);
    return reading.c;
}

}  // namespace rorqual::families::deepseek_v4
