// What a config.json of the family deepseek_v3 may say.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "families/config_checks.hpp"
#include "families/deepseek_v3/config.hpp"
#include "families/network.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using families::latent_moe::Config;
using nlohmann::json;
using test::check_refused;

namespace {

json base() {
    return json::parse(R"({
        "model_type": "deepseek_v3", "vocab_size": 320, "hidden_size": 80, "intermediate_size": 100, "moe_intermediate_size": 20,
        "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5, "q_lora_rank": 40, "kv_lora_rank": 48,
        "qk_nope_head_dim": 24, "qk_rope_head_dim": 12, "v_head_dim": 20, "n_routed_experts": 12, "n_shared_experts": 1,
        "num_experts_per_tok": 3, "first_k_dense_replace": 1, "moe_layer_freq": 1, "topk_method": "noaux_tc", "n_group": 4,
        "topk_group": 2, "scoring_func": "sigmoid", "norm_topk_prob": true, "routed_scaling_factor": 2.5, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "max_position_embeddings": 4096, "attention_bias": false, "num_nextn_predict_layers": 1,
        "tie_word_embeddings": false, "rope_interleave": true,
        "rope_scaling": {"type": "yarn", "factor": 40, "original_max_position_embeddings": 4096, "beta_fast": 32, "beta_slow": 1,
                         "mscale": 1.0, "mscale_all_dim": 1.0}})");
}

Config read(const json& config) { return test::config_read_by(families::deepseek_v3::read_config, config); }

}  // namespace

TEST_CASE("a DeepSeek-V3 config says sigmoid, groups by their two best, a bias, and weights that are normalised and scaled", "[families][config]") {
    const auto c = read(base());
    CHECK(c.geometry.model_type == "deepseek_v3");
    CHECK(c.router.scoring == Scoring::sigmoid);
    CHECK(c.router.group_score == GroupScore::top_two_sum);
    CHECK(c.router.groups == 4);
    CHECK(c.router.groups_kept == 2);
    CHECK(c.router.normalise);
    CHECK(c.router.scale == 2.5f);
    CHECK(c.choice_bias);
    CHECK(c.predicts);
    CHECK(c.mla.norm_eps == 1e-6f);
}

TEST_CASE("models of the same shape go by their own names, and leave out what only has one value there", "[families][config]") {
    auto config = base();
    config["model_type"] = GENERATE("deepseek_v3", "kimi_k2", "glm4_moe_lite");
    for (const char* key : {"scoring_func", "topk_method", "n_group", "topk_group", "moe_layer_freq", "num_nextn_predict_layers", "rope_scaling", "q_lora_rank", "rope_interleave"}) config.erase(key);
    config["rms_norm_eps"] = 1e-5;
    const auto c = read(config);
    CHECK(c.geometry.model_type == config["model_type"]);
    CHECK(c.router.groups == 1);
    CHECK(c.mla.q_lora_rank == 0);
    CHECK(c.yarn.factor == 1);
    CHECK_FALSE(c.predicts);
    CHECK(c.norm_eps == 1e-5f);
    CHECK(c.mla.norm_eps == 1e-6f);  // the module's own, whatever the config says
}

TEST_CASE("rope_parameters mean what rope_theta and rope_scaling mean", "[families][config]") {
    auto config = base();
    config["rope_parameters"] = config["rope_scaling"];
    config["rope_parameters"]["rope_type"] = "yarn";
    config["rope_parameters"]["rope_theta"] = 50000;
    config["rope_parameters"]["partial_rotary_factor"] = 1.0;
    for (const char* key : {"rope_scaling", "rope_theta"}) config.erase(key);
    const auto c = read(config);
    CHECK(c.rope_theta == 50000);
    CHECK(c.yarn.factor == 40);
    CHECK(c.mla.shape.softmax_scale == read(base()).mla.shape.softmax_scale);
    config["rope_parameters"]["partial_rotary_factor"] = 0.5;
    check_refused(config, "partial_rotary_factor");
}

TEST_CASE("DeepSeek-V3 scales scores by the square of YaRN's factor", "[families][config]") {
    auto config = base();
    config["qk_nope_head_dim"] = 128;
    config["qk_rope_head_dim"] = 64;
    CHECK(read(config).mla.shape.softmax_scale == Approx(0.135234).epsilon(1e-5));
}

TEST_CASE("quantization_config says how large the blocks of fp8 weights are", "[families][config][fp8]") {
    CHECK_FALSE(read(base()).fp8_blocks);
    auto config = base();
    config["quantization_config"] = json::parse(R"({"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [64, 32],
                                                    "modules_to_not_convert": ["lm_head"]})");
    const auto blocks = read(config).fp8_blocks;
    REQUIRE(blocks);
    CHECK(blocks->rows == 64);
    CHECK(blocks->cols == 32);
    config["quantization_config"]["scale_fmt"] = "ue8m0";
    CHECK(read(config).fp8_blocks);

    const auto refused = [&](const char* key, const json& value) {
        auto changed = config;
        changed["quantization_config"][key] = value;
        CAPTURE(key, value.dump());
        check_refused(changed, std::string("quantization_config: ") + key);
    };
    for (const json& value : {json("gptq"), json("compressed-tensors"), json(), json(8)}) refused("quant_method", value);
    for (const json& value : {json("e5m2"), json(1)}) refused("fmt", value);
    refused("activation_scheme", "static");
    refused("scale_fmt", "int");
    for (const json& value : {json(), json(128), json::array({128}), json::array({128, 0}), json::array({128, 128, 1}), json("128"), json::array({1, 2.5})}) refused("weight_block_size", value);
    config["quantization_config"] = 8;
    check_refused(config, "quantization_config");
}

TEST_CASE("a DeepSeek-V3 config whose router makes no sense is refused by the key", "[families][config][hostile]") {
    const auto refused = [](const char* changed, const json& value, const char* key) {
        auto config = base();
        config[changed] = value;
        CAPTURE(changed, value.dump());
        check_refused(config, key);
    };
    refused("n_group", 5, "n_group");   // no divisor of 12
    refused("n_group", 13, "n_group");  // more than there are experts
    refused("n_group", 0, "n_group");
    refused("topk_group", 5, "topk_group");                    // of 4
    refused("topk_group", nullptr, "topk_group");              // which of them?
    refused("n_group", nullptr, "topk_group");                 // 2 of one
    refused("num_experts_per_tok", 7, "num_experts_per_tok");  // of 6 in two groups
    refused("num_experts_per_tok", 0, "num_experts_per_tok");
    refused("scoring_func", "softmax", "scoring_func");
    refused("topk_method", "greedy", "topk_method");
    refused("norm_topk_prob", nullptr, "norm_topk_prob");
    refused("routed_scaling_factor", nullptr, "routed_scaling_factor");
    refused("routed_scaling_factor", "2.5", "routed_scaling_factor");
    refused("num_nextn_predict_layers", 2, "num_nextn_predict_layers");
    refused("num_nextn_predict_layers", true, "num_nextn_predict_layers");
    refused("attention_bias", true, "attention_bias");
    refused("rope_interleave", false, "rope_interleave");
    refused("model_type", "deepseek_v33", "model_type");
}
