// What a config.json of the family deepseek_v4 may say.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "families/config_checks.hpp"
#include "families/deepseek_v4/config.hpp"
#include "families/network.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using families::deepseek_v4::Config;
using families::deepseek_v4::Ratio;
using nlohmann::json;
using test::check_refused;

namespace {

json base() {
    return json::parse(R"({
        "model_type": "deepseek_v4", "vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4,
        "num_key_value_heads": 1, "head_dim": 48, "qk_rope_head_dim": 16, "q_lora_rank": 32, "o_lora_rank": 24, "o_groups": 2,
        "sliding_window": 24, "compress_ratios": [0, 4, 128, 4, 0], "index_n_heads": 16, "index_head_dim": 32, "index_topk": 12,
        "n_routed_experts": 8, "n_shared_experts": 1, "num_experts_per_tok": 2, "moe_intermediate_size": 32, "num_hash_layers": 2,
        "scoring_func": "sqrtsoftplus", "topk_method": "noaux_tc", "norm_topk_prob": true, "routed_scaling_factor": 1.5,
        "swiglu_limit": 10.0, "hc_mult": 4, "hc_sinkhorn_iters": 20, "hc_eps": 1e-6, "rms_norm_eps": 1e-6, "rope_theta": 10000,
        "compress_rope_theta": 160000, "max_position_embeddings": 4096, "hidden_act": "silu", "attention_bias": false,
        "tie_word_embeddings": false, "num_nextn_predict_layers": 1, "expert_dtype": "fp4",
        "rope_scaling": {"type": "yarn", "factor": 16, "original_max_position_embeddings": 64, "beta_fast": 32, "beta_slow": 1}})");
}

// The same, with the keys that transformers writes.
json saved_again() {
    auto config = base();
    config["layer_types"] = {"sliding_attention", "compressed_sparse_attention", "heavily_compressed_attention", "compressed_sparse_attention"};
    config["compress_rates"] = {{"compressed_sparse_attention", 4}, {"heavily_compressed_attention", 128}};
    config["mlp_layer_types"] = {"hash_moe", "hash_moe", "moe", "moe"};
    auto compress = config["rope_scaling"];
    compress.erase("type");
    compress.update({{"rope_type", "yarn"}, {"rope_theta", 160000}, {"partial_rotary_factor", 0.125}, {"attention_factor", 1.0}});
    config["rope_parameters"] = {{"main", {{"rope_type", "default"}, {"rope_theta", 10000}, {"partial_rotary_factor", 0.125}}}, {"compress", compress}};
    for (const char* key : {"compress_ratios", "num_hash_layers", "rope_theta", "compress_rope_theta", "rope_scaling", "topk_method"}) config.erase(key);
    return config;
}

Config read(const json& config) { return test::config_read_by(families::deepseek_v4::read_config, config); }

}  // namespace

TEST_CASE("a DeepSeek-V4 config says which layers compress and how, and two rotations", "[families][config]") {
    const auto c = read(base());
    CHECK(c.ratios == std::vector{Ratio::none, Ratio::sparse, Ratio::heavy, Ratio::sparse});
    CHECK(c.rope_theta == 10000);
    CHECK(c.compress_rope_theta == 160000);
    CHECK(c.yarn.factor == 16);
    CHECK(c.router.scoring == Scoring::sqrt_softplus);
    CHECK(c.router.scale == 1.5f);
    CHECK(c.hash_layers == 2);
    CHECK(c.indexer.top_k == 12);
    CHECK(c.geometry.dense_layers == 0);
}

TEST_CASE("the YaRN of DeepSeek-V4 stretches frequencies and scales nothing", "[families][config]") {
    const auto c = read(base());
    CHECK(c.yarn.amplitude() == 1);
    CHECK(Rope(16, c.compress_rope_theta, c.yarn).amplitude() == 1.0f);
    CHECK(c.yarn.softmax_factor() > 1);  // which is why nobody asks for it
}

TEST_CASE("compression ratios are taken by layer number, however many follow", "[families][config]") {
    auto config = base();
    config["compress_ratios"] = {0, 4, 128, 4};
    CHECK(read(config).ratios.size() == 4);
    config["compress_ratios"] = {0, 4, 128, 4, 0, 7, 2};
    CHECK(read(config).ratios.size() == 4);
    config["compress_ratios"] = {0, 4, 128};
    check_refused(config, "compress_ratios");
    config["compress_ratios"] = json::array();
    check_refused(config, "compress_ratios");
    for (const int ratio : {1, 2, 3, 5, 64, 127, 129, 256}) {
        config["compress_ratios"] = {0, ratio, 128, 4};
        check_refused(config, "compress_ratios");
    }
}

TEST_CASE("a DeepSeek-V4 config that transformers saved again says the same", "[families][config]") {
    const auto published = read(base());
    auto config = saved_again();
    for (const bool rates : {true, false}) {
        if (!rates) config.erase("compress_rates");
        const auto c = read(config);
        CHECK(c.ratios == published.ratios);
        CHECK(c.hash_layers == 2);
        CHECK(c.rope_theta == 10000);
        CHECK(c.compress_rope_theta == 160000);
        CHECK(c.yarn.factor == 16);
        CHECK(c.yarn.original_positions == 64);
        CHECK(c.yarn.amplitude() == 1);
    }
    // One object for both rotations: its scaling is that of the layers that compress.
    config["rope_parameters"] = base()["rope_scaling"];
    config["rope_parameters"]["rope_theta"] = 10000;
    config["compress_rope_theta"] = 160000;
    CHECK(read(config).rope_theta == 10000);
    CHECK(read(config).yarn.factor == 16);
    // What the published keys say counts.
    config["compress_ratios"] = {0, 128, 128, 0};
    CHECK_FALSE(read(config).has_indexer());
}

TEST_CASE("a config saved again is refused by its own keys", "[families][config][hostile]") {
    const auto refused = [](const char* pointer, const json& value, const char* key) {
        auto config = saved_again();
        config[json::json_pointer(pointer)] = value;
        check_refused(config, key);
    };
    refused("/layer_types/1", "full_attention", "layer_types");
    refused("/layer_types/1", 4, "layer_types");
    refused("/layer_types", json::array(), "layer_types");
    refused("/compress_rates/compressed_sparse_attention", 8, "layer_types");
    refused("/compress_rates", 4, "compress_rates");
    refused("/mlp_layer_types/1", "moe_hash", "mlp_layer_types");
    refused("/mlp_layer_types/3", "hash_moe", "mlp_layer_types");
    refused("/rope_parameters", 1, "rope_parameters");
    refused("/rope_parameters/main", nullptr, "rope_parameters");
    refused("/rope_parameters/main/rope_type", "yarn", "rope_parameters: main: rope_type");
    refused("/rope_parameters/main/rope_theta", 0, "rope_parameters: main: rope_theta");
    refused("/rope_parameters/compress/rope_theta", "much", "rope_parameters: compress: rope_theta");
    refused("/rope_parameters/compress/factor", 0, "rope_parameters: compress: factor");
    for (const char* key : {"layer_types", "mlp_layer_types", "rope_parameters"}) {
        auto config = saved_again();
        config.erase(key);
        CHECK(test::making(config).status == Status::corrupt);
    }
}

TEST_CASE("a DeepSeek-V4 config without an indexer needs no word about one", "[families][config]") {
    auto config = base();
    config["compress_ratios"] = {0, 128, 128, 0};
    for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"}) config.erase(key);
    CHECK_FALSE(read(config).has_indexer());
}

TEST_CASE("more entries than a text can have are as good as all of them", "[families][config]") {
    auto config = base();
    config["index_topk"] = 4096;
    CHECK(read(config).indexer.top_k == 1024);
    config["index_topk"] = 4097;
    check_refused(config, "index_topk");
}

TEST_CASE("a compact cache needs index keys as wide as a power of two, where there are any", "[families][config]") {
    auto config = base();
    weights::Problems problems;
    const auto has_one = [&] { return families::make_network(config, "config.json", problems)->has_compact_cache(); };
    CHECK(has_one());
    config["index_head_dim"] = 48;
    CHECK_FALSE(has_one());
    config["compress_ratios"] = {0, 128, 128, 0};
    CHECK(has_one());
}

TEST_CASE("every key that decides a DeepSeek-V4 model is required", "[families][config][hostile]") {
    for (const char* key : {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "head_dim", "qk_rope_head_dim", "q_lora_rank", "o_lora_rank",
                            "o_groups", "sliding_window", "compress_ratios", "index_n_heads", "index_head_dim", "index_topk", "n_routed_experts", "num_experts_per_tok",
                            "moe_intermediate_size", "num_hash_layers", "norm_topk_prob", "routed_scaling_factor", "swiglu_limit", "hc_mult", "hc_sinkhorn_iters",
                            "hc_eps", "rms_norm_eps", "rope_theta", "compress_rope_theta", "max_position_embeddings"}) {
        auto config = base();
        config.erase(key);
        check_refused(config, key);
        config[key] = "text";
        check_refused(config, key);
        config[key] = -1;
        check_refused(config, key);
        config[key] = 1e300;
        check_refused(config, key);
    }
}

TEST_CASE("a DeepSeek-V4 config that makes no sense is refused by the key", "[families][config][hostile]") {
    const std::vector<std::pair<const char*, json>> refused = {
        {"sliding_window", 0}, {"index_topk", 0}, {"hc_mult", 0}, {"hc_mult", 17}, {"hc_sinkhorn_iters", 0}, {"qk_rope_head_dim", 15}, {"qk_rope_head_dim", 50}, {"head_dim", 47}, {"o_groups", 5}, {"num_key_value_heads", 4}, {"num_experts_per_tok", 9}, {"num_experts_per_tok", 0}, {"index_head_dim", 8}, {"scoring_func", "sigmoid"}, {"topk_method", "greedy"}, {"tie_word_embeddings", true}, {"attention_bias", true}, {"n_group", 4}, {"hidden_act", "gelu"}, {"swiglu_limit", 0}, {"expert_dtype", "fp2"}, {"rope_theta", 1}, {"max_position_embeddings", 0}};
    for (const auto& [key, value] : refused) {
        auto config = base();
        config[key] = value;
        check_refused(config, key);
    }
    for (const char* key : {"factor", "original_max_position_embeddings"}) {
        auto config = base();
        config["rope_scaling"].erase(key);
        check_refused(config, std::string("rope_scaling: ") + key);
    }
}
