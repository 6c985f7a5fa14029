// What a config.json of the family deepseek_v32 may say.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "families/config_checks.hpp"
#include "families/deepseek_v32/config.hpp"
#include "families/network.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using families::latent_moe::Config;
using nlohmann::json;

namespace {

json base() {
    return json::parse(R"({
        "model_type": "deepseek_v32", "vocab_size": 320, "hidden_size": 80, "intermediate_size": 100, "moe_intermediate_size": 20,
        "num_hidden_layers": 3, "num_attention_heads": 5, "num_key_value_heads": 5, "q_lora_rank": 40, "kv_lora_rank": 48,
        "qk_nope_head_dim": 24, "qk_rope_head_dim": 12, "v_head_dim": 20, "index_n_heads": 6, "index_head_dim": 28, "index_topk": 64,
        "n_routed_experts": 12, "n_shared_experts": 1, "num_experts_per_tok": 3, "first_k_dense_replace": 1, "moe_layer_freq": 1,
        "topk_method": "noaux_tc", "n_group": 4, "topk_group": 2, "scoring_func": "sigmoid", "norm_topk_prob": true,
        "routed_scaling_factor": 2.5, "hidden_act": "silu", "rms_norm_eps": 1e-6, "rope_theta": 10000, "max_position_embeddings": 4096,
        "attention_bias": false, "num_nextn_predict_layers": 1, "tie_word_embeddings": false, "rope_scaling": null})");
}

Config read(const json& config) { return test::config_read_by(families::deepseek_v32::read_config, config); }

}  // namespace

TEST_CASE("a DeepSeek-V3.2 config is one of DeepSeek-V3 with an indexer", "[families][config]") {
    const auto c = read(base());
    CHECK(c.geometry.model_type == "deepseek_v32");
    CHECK(c.router.scoring == Scoring::sigmoid);
    CHECK(c.choice_bias);
    CHECK(c.predicts);
    REQUIRE(c.indexer);
    CHECK(c.indexer->hidden == 80);
    CHECK(c.indexer->q_lora_rank == 40);
    CHECK(c.indexer->heads == 6);
    CHECK(c.indexer->head_dim == 28);
    CHECK(c.indexer->top_k == 64);
    CHECK_FALSE(c.selects(64));
    CHECK(c.selects(65));
}

TEST_CASE("an index_topk beyond the context selects everything", "[families][config]") {
    auto config = base();
    config["index_topk"] = 100000;
    CHECK_FALSE(read(config).selects(4096));
}

TEST_CASE("a DeepSeek-V3.2 config whose indexer makes no sense is refused by the key", "[families][config][hostile]") {
    const auto refused = [](const char* changed, const json& value, const char* key) {
        auto config = base();
        config[changed] = value;
        CAPTURE(changed, value.dump());
        const auto outcome = test::outcome_of([&] { (void)read(config); });
        CHECK((outcome.status == Status::corrupt || outcome.status == Status::unsupported));
        CHECK_THAT(outcome.line, Catch::StartsWith("config.json: "));
        CHECK_THAT(outcome.line, Catch::Contains(std::string(key) + ": "));
    };
    for (const char* key : {"index_n_heads", "index_head_dim", "index_topk"}) {
        for (const json& value : {json(), json(0), json(-1), json(2.5), json("64"), json(true), json(INT64_MAX)}) refused(key, value, key);
    }
    refused("index_head_dim", 11, "index_head_dim");  // less than is rotated
    auto wide = base();
    wide["index_n_heads"] = 4096;
    wide["index_head_dim"] = 4096;
    CHECK_THAT(test::outcome_of([&] { (void)read(wide); }).line, Catch::Contains("index_n_heads: all heads together are wider than"));
    refused("q_lora_rank", nullptr, "q_lora_rank");
    refused("q_lora_rank", 0, "q_lora_rank");
}
