#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "families/config_checks.hpp"
#include "families/deepseek_v2/config.hpp"
#include "families/network.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using families::latent_moe::Config;
using nlohmann::json;
using test::check_refused;
using test::making;

namespace {

json base() {
    return json::parse(R"({
        "model_type": "deepseek_v2", "vocab_size": 320, "hidden_size": 80, "intermediate_size": 100, "moe_intermediate_size": 20,
        "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5, "q_lora_rank": 40, "kv_lora_rank": 48,
        "qk_nope_head_dim": 24, "qk_rope_head_dim": 12, "v_head_dim": 20, "n_routed_experts": 12, "n_shared_experts": 1,
        "num_experts_per_tok": 3, "first_k_dense_replace": 1, "moe_layer_freq": 1, "topk_method": "group_limited_greedy", "n_group": 4,
        "topk_group": 2, "scoring_func": "softmax", "norm_topk_prob": false, "routed_scaling_factor": 4.0, "hidden_act": "silu",
        "rms_norm_eps": 1e-6, "rope_theta": 10000, "max_position_embeddings": 4096, "attention_bias": false, "use_mla": true,
        "tie_word_embeddings": false,
        "rope_scaling": {"type": "yarn", "factor": 8, "original_max_position_embeddings": 64, "beta_fast": 32, "beta_slow": 1,
                         "mscale": 1.0, "mscale_all_dim": 0.5}})");
}

Config read(const json& config) { return test::config_read_by(families::deepseek_v2::read_config, config); }

}  // namespace

TEST_CASE("every config key that is read is refused by name when it has another type", "[families][config][hostile]") {
    const std::string key = GENERATE(
        "vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "n_routed_experts",
        "n_shared_experts", "num_experts_per_tok", "first_k_dense_replace", "moe_layer_freq", "topk_method", "n_group", "topk_group",
        "scoring_func", "norm_topk_prob", "routed_scaling_factor", "hidden_act", "rms_norm_eps", "rope_theta", "max_position_embeddings",
        "attention_bias", "use_mla", "tie_word_embeddings", "rope_scaling", "model_type");
    for (const json& value : {json("text"), json(true), json(0.5), json(-1), json(json::array({1})), json({{"a", 1}}), json(1e300)}) {
        auto config = base();
        REQUIRE(config.contains(key));
        if (config[key].type() == value.type() || (config[key].is_number() && value.is_number() && value == 0.5)) continue;
        config[key] = value;
        CAPTURE(key, value.dump());
        if (key == "rope_scaling" && value.is_object()) continue;
        check_refused(config, key);
    }
}

TEST_CASE("every key of rope_scaling that is read is refused by name when it makes no sense", "[families][config][hostile]") {
    const std::string key = GENERATE("type", "factor", "original_max_position_embeddings", "beta_fast", "beta_slow", "mscale", "mscale_all_dim");
    for (const json& value : {json("text"), json(true), json(-1), json(json::array({1})), json({{"a", 1}}), json(1e300)}) {
        auto config = base();
        REQUIRE(config["rope_scaling"].contains(key));
        config["rope_scaling"][key] = value;
        CAPTURE(key, value.dump());
        check_refused(config, "rope_scaling: " + key);
    }
}

TEST_CASE("absurd sizes are refused by name before anything is allocated for them", "[families][config][hostile]") {
    struct Case {
        const char* key;
        json value;
    };
    const auto c = GENERATE(values<Case>({
        {"hidden_size", 0},
        {"hidden_size", -1},
        {"hidden_size", 1000000000},
        {"hidden_size", 18446744073709551615u},
        {"hidden_size", 80.5},
        {"vocab_size", 0},
        {"vocab_size", 1000000000},
        {"num_hidden_layers", 0},
        {"num_hidden_layers", 1000000000},
        {"num_hidden_layers", 9223372036854775807},
        {"num_attention_heads", 0},
        {"num_attention_heads", 1000000000},
        {"intermediate_size", 0},
        {"intermediate_size", 4000000000u},
        {"kv_lora_rank", 0},
        {"kv_lora_rank", 1000000000},
        {"q_lora_rank", -1},
        {"q_lora_rank", 1000000000},
        {"qk_nope_head_dim", 0},
        {"qk_nope_head_dim", 1000000000},
        {"qk_rope_head_dim", 0},
        {"qk_rope_head_dim", 11},
        {"qk_rope_head_dim", 1000000000},
        {"v_head_dim", 0},
        {"v_head_dim", 1000000000},
        {"max_position_embeddings", 0},
        {"max_position_embeddings", 9223372036854775807},
        {"rms_norm_eps", 0},
        {"rms_norm_eps", -1e-6},
        {"rms_norm_eps", 2},
        {"rope_theta", 0},
        {"rope_theta", -10000},
        {"n_routed_experts", -1},
        {"n_routed_experts", 1000000000},
        {"n_routed_experts", 13},
        {"moe_intermediate_size", 0},
        {"moe_intermediate_size", 1000000000},
        {"n_shared_experts", -1},
        {"n_shared_experts", 1000000000},
        {"num_experts_per_tok", 0},
        {"num_experts_per_tok", 13},
        {"num_experts_per_tok", 7},
        {"first_k_dense_replace", -1},
        {"first_k_dense_replace", 1000000000},
        {"moe_layer_freq", 0},
        {"moe_layer_freq", 1000000000},
        {"n_group", 0},
        {"n_group", 5},
        {"n_group", 13},
        {"topk_group", 0},
        {"topk_group", 5},
        {"routed_scaling_factor", 0},
        {"routed_scaling_factor", -1},
        {"topk_method", "noaux_tc"},
        {"scoring_func", "sigmoid"},
        {"hidden_act", "gelu"},
        {"attention_bias", true},
        {"use_mla", false},
        {"num_key_value_heads", 1},
        {"model_type", "llama"},
    }));
    auto config = base();
    config[c.key] = c.value;
    CAPTURE(c.key, c.value.dump());
    // The number of groups is wrong through n_routed_experts too; what is not a divisor is told of n_group.
    const bool groups = c.key == std::string("n_routed_experts") && c.value == 13;
    check_refused(config, groups ? "n_group" : c.key);
}

TEST_CASE("sizes that only together are absurd are refused", "[families][config][hostile]") {
    struct Case {
        json changes;
        const char* key;
    };
    const auto c = GENERATE(values<Case>({
        {{{"num_attention_heads", 4096}, {"num_key_value_heads", 4096}, {"qk_nope_head_dim", 4096}}, "num_attention_heads"},
        {{{"num_attention_heads", 4096}, {"num_key_value_heads", 4096}, {"v_head_dim", 4096}}, "num_attention_heads"},
        {{{"num_hidden_layers", 1024}, {"n_routed_experts", 8192}}, "n_routed_experts"},
        {{{"moe_intermediate_size", 262144}, {"n_shared_experts", 8192}}, "n_shared_experts"},
    }));
    auto config = base();
    config.update(c.changes);
    CAPTURE(c.key);
    check_refused(config, c.key);
}

TEST_CASE("keys that decide shapes or results are required", "[families][config][hostile]") {
    const std::string key = GENERATE("model_type", "vocab_size", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_hidden_layers",
                                     "num_attention_heads", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
                                     "num_experts_per_tok", "first_k_dense_replace", "topk_method", "n_group", "topk_group", "rms_norm_eps",
                                     "rope_theta", "max_position_embeddings");
    const bool null = GENERATE(false, true);
    auto config = base();
    if (null)
        config[key] = nullptr;
    else
        config.erase(key);
    CAPTURE(key);
    check_refused(config, key);
}

TEST_CASE("rope scalings other than YaRN are unsupported, and YaRN needs its factor and length", "[families][config][hostile]") {
    for (const char* type : {"linear", "dynamic", "longrope", "llama3"}) {
        auto config = base();
        config["rope_scaling"]["type"] = type;
        CHECK(making(config).status == Status::unsupported);
        check_refused(config, "rope_scaling: type");
    }
    for (const char* key : {"type", "factor", "original_max_position_embeddings"}) {
        auto config = base();
        config["rope_scaling"].erase(key);
        check_refused(config, std::string("rope_scaling: ") + key);
    }
    auto config = base();
    config["rope_scaling"]["attention_factor"] = 1.5;
    CHECK(making(config).status == Status::unsupported);
    check_refused(config, "attention_factor");
}

TEST_CASE("everything that is wrong with a config is told at once", "[families][config]") {
    auto config = base();
    config["hidden_size"] = -1;
    config.erase("vocab_size");
    config["rope_scaling"]["factor"] = "big";
    const auto outcome = making(config);
    CHECK(outcome.says("hidden_size"));
    CHECK(outcome.says("vocab_size"));
    CHECK(outcome.says("rope_scaling: factor"));
}

TEST_CASE("a config that is no object is refused", "[families][config][hostile]") {
    for (const json& config : {json(), json(1), json("deepseek_v2"), json::array({base()})}) {
        CHECK(making(config).status == Status::corrupt);
    }
}

TEST_CASE("both forms of rope parameters read alike", "[families][config]") {
    const auto old_form = read(base());
    auto config = base();
    config["rope_parameters"] = config["rope_scaling"];
    config["rope_parameters"]["rope_type"] = config["rope_parameters"]["type"];
    config["rope_parameters"].erase("type");
    config["rope_parameters"]["rope_theta"] = config["rope_theta"];
    config.erase("rope_theta");
    config.erase("rope_scaling");
    const auto new_form = read(config);
    CHECK(new_form.rope_theta == old_form.rope_theta);
    CHECK(new_form.yarn.factor == old_form.yarn.factor);
    CHECK(new_form.mla.shape.softmax_scale == old_form.mla.shape.softmax_scale);

    config["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 50000}};
    const auto plain = read(config);
    CHECK(plain.rope_theta == 50000);
    CHECK(plain.yarn.factor == 1);
    CHECK(plain.mla.shape.softmax_scale == Approx(1 / std::sqrt(36.0)));
}

TEST_CASE("the softmax scale is that of the published models", "[families][config]") {
    auto config = base();
    config["qk_nope_head_dim"] = 128;
    config["qk_rope_head_dim"] = 64;
    auto& rope = config["rope_scaling"];
    rope["factor"] = 40;
    rope["original_max_position_embeddings"] = 4096;
    rope["mscale"] = rope["mscale_all_dim"] = 0.707;
    CHECK(read(config).mla.shape.softmax_scale == Approx(0.114722).epsilon(1e-5));  // V2-Lite
    rope["mscale"] = rope["mscale_all_dim"] = 1.0;
    CHECK(read(config).mla.shape.softmax_scale == Approx(0.135234).epsilon(1e-5));  // V3
    rope.erase("mscale");
    rope.erase("mscale_all_dim");
    CHECK(read(config).mla.shape.softmax_scale == Approx(1 / std::sqrt(192.0)));
}

TEST_CASE("layers have experts from first_k_dense_replace on, every moe_layer_freq", "[families][config]") {
    auto config = base();
    config["num_hidden_layers"] = 7;
    config["first_k_dense_replace"] = 2;
    config["moe_layer_freq"] = 3;
    const auto c = read(config);
    std::vector<bool> experts;
    for (int layer = 0; layer < 7; ++layer) experts.push_back(c.has_experts(layer));
    CHECK(experts == std::vector<bool>{false, false, false, true, false, false, true});
    CHECK(c.geometry.dense_layers == 5);

    for (const json& none : {json(nullptr), json(0)}) {
        config["n_routed_experts"] = none;
        CHECK(read(config).geometry.dense_layers == 7);
    }
}

TEST_CASE("normalised router weights are not scaled besides, and single ones are not normalised", "[families][config]") {
    auto config = base();
    CHECK(read(config).router.scale == 4);
    config["norm_topk_prob"] = true;
    CHECK(read(config).router.normalise);
    CHECK(read(config).router.scale == 1);
    config["num_experts_per_tok"] = 1;
    CHECK_FALSE(read(config).router.normalise);
    CHECK(read(config).router.scale == 4);
}

TEST_CASE("q_lora_rank null or 0 means direct queries; greedy routing has no groups", "[families][config]") {
    auto config = base();
    for (const json& none : {json(nullptr), json(0)}) {
        config["q_lora_rank"] = none;
        CHECK(read(config).mla.q_lora_rank == 0);
    }
    config["topk_method"] = "greedy";
    CHECK(read(config).router.groups == 1);
}

TEST_CASE("parameters are counted from the table of tensors", "[families][config]") {
    weights::Problems problems;
    const auto network = families::make_network(base(), "config.json", problems);
    REQUIRE(network);
    const auto& g = network->geometry();
    const std::uint64_t attention = 40 * 80 + 40 + 5 * 36 * 40 + 60 * 80 + 48 + 5 * 44 * 48 + 80 * 100;
    const std::uint64_t expert = 3 * 20 * 80, norms = 2 * 80;
    const std::uint64_t dense = attention + norms + 3 * 100 * 80;
    const std::uint64_t sparse = attention + norms + 12 * 80 + 13 * expert;
    CHECK(g.parameters == 2 * 320 * 80 + 80 + dense + 2 * sparse);
    CHECK(g.active_parameters == g.parameters - 320 * 80 - 2 * 9 * expert);
}
