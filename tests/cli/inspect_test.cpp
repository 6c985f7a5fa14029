#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace rorqual::test;
using Json = nlohmann::json;

TEST_CASE("inspect tells a person what a model is and needs", "[cli][inspect]") {
    const auto ran = rorqual_program({"inspect", tale.string()});
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
    for (const char* label : {"type ", "identity ", "parameters ", "layers ", "experts ", "vocabulary ", "context ", "weights ", "cache ", "scratch ", "peak "}) {
        CAPTURE(label);
        CHECK(("\n" + ran.out).find(std::string("\n") + label) != std::string::npos);
    }
}

TEST_CASE("inspect --json gives the same as data, with the config and every tensor when asked", "[cli][inspect]") {
    const auto ran = rorqual_program({"inspect", tale.string(), "--json", "--config", "--tensors"});
    REQUIRE(ran.status == 0);
    const Json model = Json::parse(ran.out);
    CHECK(model["type"] == "deepseek_v2");
    CHECK(model["identity"].get<std::string>().size() == 32);
    CHECK(rorqual_program({"inspect", tale.string()}).out.find(model["identity"].get<std::string>()) != std::string::npos);
    CHECK(model["config"]["model_type"] == "deepseek_v2");
    std::uint64_t parameters = 0;
    for (const Json& tensor : model["tensors"]) {
        std::uint64_t elements = 1;
        for (const Json& extent : tensor["shape"]) elements *= extent.get<std::uint64_t>();
        parameters += elements;
    }
    CHECK(parameters == model["parameters"].get<std::uint64_t>());
    CHECK(model["plan"]["peak_bytes"] > model["plan"]["weights_bytes"]);
}

TEST_CASE("inspect plans the cache for the context it is given", "[cli][inspect]") {
    const auto plan = [](const char* context, const char* cache) {
        return Json::parse(rorqual_program({"inspect", tale.string(), "--json", "--context", context, "--cache", cache}).out)["plan"];
    };
    const Json small = plan("128", "f32"), large = plan("256", "f32"), half = plan("256", "bf16");
    CHECK(small["context_tokens"] == 128);
    CHECK(large["cache_bytes"].get<std::uint64_t>() == 2 * small["cache_bytes"].get<std::uint64_t>());
    CHECK(large["cache_per_token_bytes"].get<std::uint64_t>() == 2 * half["cache_per_token_bytes"].get<std::uint64_t>());
}

TEST_CASE("inspect plans a compact cache of DeepSeek-V4 and refuses one of another model", "[cli][inspect]") {
    const std::string v4 = RQ_SOURCE_DIR "/tests/data/checkpoints/v4";
    const auto per_token = [&](const char* cache) {
        return Json::parse(rorqual_program({"inspect", v4, "--json", "--cache", cache}).out)["plan"]["cache_per_token_bytes"].get<std::uint64_t>();
    };
    // Two layers with an entry for 4 tokens and index keys of 32 values, two with one for 128; keys of 48 values, 16 of them rotated.
    CHECK(per_token("compact") == (2 * (72 + 17) * 32 + 2 * 72 + 127) / 128);
    CHECK(per_token("f32") == 2 * (48 + 32) + 2 * 48 * 4 / 128);
    const auto refused = rorqual_program({"inspect", tale.string(), "--cache", "compact"});
    CHECK(refused.status == 1);
    CHECK(refused.err.find("cache: compact") != std::string::npos);
}

TEST_CASE("inspect names every folder it cannot read as a model", "[cli][inspect]") {
    const auto ran = rorqual_program({"inspect", "/nowhere/model"});
    CHECK(ran.status == 1);
    CHECK(lines_of(ran.err) == 1);
    CHECK(ran.err.find("/nowhere/model") != std::string::npos);
}
