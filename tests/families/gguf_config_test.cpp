// The keys of GGUF files as those of the published config.json.
#include <catch2/catch.hpp>

#include "families/gguf_config.hpp"
#include "io/memory_file.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using nlohmann::json;
using test::GgufKeys;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

struct Read {
    json config;
    weights::ConfigOrigin origin{""};
    std::vector<std::string> problems;
};

Read read(const GgufKeys& keys) {
    test::GgufModel model;
    model.keys = keys;
    const auto file = model.file();
    weights::Problems problems;
    const auto config = families::read_gguf_config(io::Gguf::read_header(io::open_memory_file(file, "m.gguf")), problems);
    return {problems.empty() ? json::parse(config.json()) : json(), config.origin(), problems.lines()};
}

GgufKeys keys_of(const char* checkpoint) { return test::gguf_of(checkpoints / checkpoint).keys; }

GgufKeys with(GgufKeys keys, const std::string& key, const test::GgufValue& value) {
    keys["deepseek2." + key] = value;
    return keys;
}

GgufKeys without(GgufKeys keys, const std::string& key) {
    keys.erase("deepseek2." + key);
    return keys;
}

}  // namespace

TEST_CASE("the config put together from a GGUF file says what the published one says", "[families][gguf][config]") {
    const std::vector<const char*> decisive = {
        "model_type", "vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings", "intermediate_size", "rms_norm_eps",
        "num_attention_heads", "q_lora_rank", "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "rope_theta",
        "n_routed_experts", "num_experts_per_tok", "moe_intermediate_size", "n_shared_experts", "first_k_dense_replace", "scoring_func",
        "norm_topk_prob", "routed_scaling_factor", "topk_method"};
    for (const char* name : {"v2-f16", "v2-group-limited", "v2-norm-tied", "v3"}) {
        const auto published = json::parse(test::gguf_model::contents(checkpoints / name / "config.json"));
        const auto made = read(keys_of(name));
        REQUIRE(made.problems.empty());
        for (const char* key : decisive) {
            CAPTURE(name, key);
            CHECK(made.config.at(key) == published.at(key));  // numbers to the last digit
        }
    }
    CHECK(read(keys_of("v2-norm-tied")).config.at("moe_layer_freq") == 2);
    CHECK_FALSE(read(keys_of("v2-norm-tied")).config.contains("rope_scaling"));
    const auto grouped = read(keys_of("v2-group-limited")).config;
    CHECK(grouped.at("n_group") == 4);
    CHECK(grouped.at("topk_group") == 2);
}

TEST_CASE("YaRN comes with mscale and mscale_all_dim as ten times yarn_log_multiplier, to the digit", "[families][gguf][config]") {
    const auto scaling = [](const GgufKeys& keys) { return read(keys).config.at("rope_scaling"); };
    const auto keys = keys_of("v2-f16");
    CHECK(scaling(keys).at("type") == "yarn");
    CHECK(scaling(keys).at("factor") == 4);
    CHECK(scaling(keys).at("original_max_position_embeddings") == 64);
    CHECK_FALSE(scaling(keys).contains("mscale"));
    for (const double scale : {0.707, 1.0, 0.5}) {
        const auto yarn = scaling(with(keys, "rope.scaling.yarn_log_multiplier", test::gguf_f32(static_cast<float>(0.1 * scale))));
        CHECK(yarn.at("mscale_all_dim").get<double>() == Approx(scale).epsilon(1e-15));
        CHECK(yarn.at("mscale") == yarn.at("mscale_all_dim"));
    }
    CHECK(scaling(with(keys, "rope.scaling.yarn_beta_fast", test::gguf_f32(16))).at("beta_fast") == 16);
    CHECK_FALSE(read(with(keys, "rope.scaling.type", test::gguf_text("none"))).config.contains("rope_scaling"));
    CHECK_FALSE(read(without(without(keys, "rope.scaling.type"), "rope.scaling.factor")).config.contains("rope_scaling"));
}

TEST_CASE("what older and other writers leave out or call otherwise is understood", "[families][gguf][config]") {
    const auto keys = keys_of("v2-f16");
    CHECK_FALSE(read(with(keys, "expert_weights_scale", test::gguf_f32(0))).config.contains("routed_scaling_factor"));
    CHECK_FALSE(read(without(keys, "expert_weights_scale")).config.contains("routed_scaling_factor"));
    CHECK_FALSE(read(without(keys, "expert_weights_norm")).config.contains("norm_topk_prob"));
    CHECK(read(without(keys, "expert_gating_func")).config.at("scoring_func") == "softmax");
    CHECK(read(with(keys, "expert_group_count", test::gguf_u32(1))).config.at("topk_method") == "greedy");
    CHECK(read(with(keys, "block_count", test::gguf_u64(3))).config.at("num_hidden_layers") == 3);
    CHECK(read(with(keys, "expert_count", test::gguf_u32(0))).config.at("n_routed_experts") == 0);
    // One head of the latent's width that all share.
    auto latent = with(with(keys, "attention.key_length", test::gguf_u32(48)), "attention.value_length", test::gguf_u32(32));
    latent = with(with(latent, "attention.key_length_mla", test::gguf_u32(32)), "attention.value_length_mla", test::gguf_u32(16));
    latent = with(latent, "attention.head_count_kv", test::gguf_u32(1));
    CHECK(read(latent).config.at("qk_nope_head_dim") == 16);
    CHECK(read(latent).config.at("v_head_dim") == 16);
    CHECK_FALSE(read(latent).config.contains("num_key_value_heads"));
}

TEST_CASE("DeepSeek-V2 is routed in groups even where its file, from before there were keys for them, does not say so", "[families][gguf][config]") {
    auto keys = keys_of("v2-f16");
    for (const auto& [key, value] : {std::pair("expert_count", 160), std::pair("expert_used_count", 6), std::pair("block_count", 60),
                                     std::pair("embedding_length", 5120)}) {
        keys = with(keys, key, test::gguf_u32(static_cast<std::uint32_t>(value)));
    }
    const auto config = read(keys).config;
    CHECK(config.at("topk_method") == "group_limited_greedy");
    CHECK(config.at("n_group") == 8);
    CHECK(config.at("topk_group") == 3);
    CHECK(read(with(keys, "embedding_length", test::gguf_u32(2048))).config.at("topk_method") == "greedy");
    CHECK(read(with(keys, "expert_group_count", test::gguf_u32(1))).config.at("topk_method") == "greedy");
}

TEST_CASE("DeepSeek-V3 is told by its gating function, and where that is missing by its bias", "[families][gguf][config]") {
    const auto keys = keys_of("v3");
    const auto v3 = read(keys).config;
    CHECK(v3.at("n_group") == 4);
    CHECK(v3.at("topk_group") == 2);
    const auto bare = read(without(without(keys, "expert_weights_norm"), "expert_weights_scale")).config;
    CHECK(bare.at("norm_topk_prob") == false);
    CHECK(bare.at("routed_scaling_factor") == 1);
    CHECK(read(without(keys, "expert_gating_func")).config.at("model_type") == "deepseek_v2");  // this file has no tensors
    auto file = test::gguf_of(checkpoints / "v3");
    file.keys.erase("deepseek2.expert_gating_func");
    const auto bytes = file.file();
    weights::Problems problems;
    const auto config = families::read_gguf_config(io::Gguf::read_header(io::open_memory_file(bytes, "m.gguf")), problems);
    CHECK(json::parse(config.json()).at("model_type") == "deepseek_v3");
    CHECK(json::parse(config.json()).at("scoring_func") == "sigmoid");
}

TEST_CASE("DeepSeek-V3 is routed in groups even where its file does not say so", "[families][gguf][config]") {
    auto keys = keys_of("v3");
    for (const char* key : {"expert_group_count", "expert_group_used_count"}) keys = without(keys, key);
    CHECK_FALSE(read(keys).config.contains("n_group"));
    for (const auto& [key, value] : {std::pair("expert_count", 256), std::pair("expert_used_count", 8), std::pair("block_count", 61),
                                     std::pair("embedding_length", 7168)}) {
        keys = with(keys, key, test::gguf_u32(static_cast<std::uint32_t>(value)));
    }
    const auto config = read(keys).config;
    CHECK(config.at("topk_method") == "noaux_tc");
    CHECK(config.at("n_group") == 8);
    CHECK(config.at("topk_group") == 4);
}

TEST_CASE("every key of config.json is called by its GGUF name in errors", "[families][gguf][config]") {
    const auto made = read(keys_of("v2-group-limited"));
    weights::Problems problems;
    json broken = made.config;
    for (auto& [key, value] : broken.items()) value = value.is_string() ? json(7) : json("x");
    for (const auto& [key, value] : broken.items()) {
        CAPTURE(key);
        if (key != "rope_scaling") CHECK(made.origin.keys.contains(key));
    }
    for (const auto& [key, value] : made.config.at("rope_scaling").items()) CHECK(made.origin.keys.contains("rope_scaling: " + key));
    weights::ConfigReader reader(broken, made.origin, problems);
    (void)reader.integer("hidden_size", 1, 9);
    CHECK(problems.lines() == std::vector<std::string>{"m.gguf: deepseek2.embedding_length: is \"x\", expected an integer in [1, 9]"});
}

TEST_CASE("models that deepseek2 files hold and this family is not are refused by key", "[families][gguf][config][hostile]") {
    const auto keys = keys_of("v2-f16");
    const auto refused = [](const GgufKeys& changed, const std::string& line) {
        const auto problems = read(changed).problems;
        REQUIRE(problems.size() == 1);
        CHECK(problems.front().find(line) != std::string::npos);
    };
    auto other = keys;
    other["general.architecture"] = test::gguf_text("llama");
    refused(other, "m.gguf: general.architecture: is \"llama\", expected one of \"deepseek2\", \"deepseek32\"");
    other.erase("general.architecture");
    refused(other, "m.gguf: general.architecture is missing");
    refused(with(keys, "rope.scaling.attn_factor", test::gguf_f32(0.5F)), "m.gguf: deepseek2.rope.scaling.attn_factor: ");
    refused(with(keys, "rope.scaling.yarn_attn_factor", test::gguf_f32(0.5F)), "m.gguf: deepseek2.rope.scaling.yarn_attn_factor: ");
    refused(with(keys, "rope.scaling.yarn_ext_factor", test::gguf_f32(0)), "m.gguf: deepseek2.rope.scaling.yarn_ext_factor: ");
    refused(with(keys, "attention.temperature_scale", test::gguf_f32(0.1F)), "m.gguf: deepseek2.attention.temperature_scale: ");
    CHECK(read(with(keys, "nextn_predict_layers", test::gguf_u32(0))).problems.empty());
    CHECK(read(with(keys, "rope.scaling.attn_factor", test::gguf_f32(1))).problems.empty());
}
