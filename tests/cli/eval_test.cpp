#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>

#include "cli/program.hpp"
#include "families/golden_run.hpp"
#include "support/golden.hpp"
#include "support/safetensors_writer.hpp"
#include "support/temp_folder.hpp"
#include "tolerance.hpp"

using namespace rorqual::test;
namespace tolerance = rorqual::tolerance;

namespace {

Ran eval(const std::filesystem::path& model, const std::filesystem::path& in, const std::filesystem::path& out, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {"eval", model.string(), "--in", in.string(), "--out", out.string()});
    return rorqual_program(more);
}

double largest(const std::vector<float>& values) {
    float most = 0;
    for (const float value : values) most = std::max(most, std::abs(value));
    return most;
}

double furthest(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double{a[i]} - b[i]));
    return most;
}

/// Tokens whose router left no doubt chose the reference's experts.
void check_experts(const Golden& got, const Golden& expected, const std::string& name) {
    const auto shape = expected.shape("experts." + name);
    REQUIRE(got.shape("experts." + name) == shape);
    const auto mine = got.int32s("experts." + name), theirs = expected.int32s("experts." + name);
    const auto margins = expected.floats("expert_margin." + name);
    const auto per_token = static_cast<std::ptrdiff_t>(shape[2]);
    for (std::size_t token = 0; token < margins.size(); ++token) {
        if (margins[token] <= tolerance::expert_margin()) continue;
        const auto first = static_cast<std::ptrdiff_t>(token) * per_token;
        std::vector<std::int32_t> a(mine.begin() + first, mine.begin() + first + per_token), b(theirs.begin() + first, theirs.begin() + first + per_token);
        std::sort(a.begin(), a.end());
        std::sort(b.begin(), b.end());
        CHECK(a == b);
    }
}

}  // namespace

TEST_CASE("eval writes the reference's logits, experts and greedy tokens for every prompt of a file", "[cli][eval][golden]") {
    const TempFolder folder;
    for (const auto& model : reference_checkpoints()) {
        CAPTURE(model.filename().string());
        const Golden expected(model / "golden.safetensors");
        REQUIRE(eval(model, model / "golden.safetensors", folder / "out.safetensors", {"--greedy", "64", "--experts"}).status == 0);
        const Golden got(folder / "out.safetensors");
        int prompts = 0;
        for (const std::string& full : expected.names()) {
            if (!full.starts_with("logits.")) continue;
            const std::string name = full.substr(7);
            CAPTURE(name);
            const auto reference = expected.floats("logits." + name);
            CHECK(got.shape("logits." + name) == expected.shape("logits." + name));
            CHECK(furthest(got.floats("logits." + name), reference) <= tolerance::logits() * largest(reference));
            if (expected.has("greedy." + name)) CHECK(got.int64s("greedy." + name) == expected.int64s("greedy." + name));
            check_experts(got, expected, name);
            ++prompts;
        }
        CHECK(prompts > 0);
    }
}

TEST_CASE("eval writes what the layer that predicts further tokens expects, and names a model that has none", "[cli][eval][mtp]") {
    const TempFolder folder;
    const auto model = bundled_checkpoints / "v3", out = folder / "out.safetensors";
    const Golden expected(model / "golden.safetensors");
    REQUIRE(eval(model, model / "golden.safetensors", out, {"--mtp"}).status == 0);
    const Golden got(out);
    for (const std::string& name : expected.names()) {
        if (!name.starts_with("mtp_logits.")) continue;
        CAPTURE(name);
        const auto reference = expected.floats(name);
        CHECK(got.shape(name) == expected.shape(name));
        CHECK(furthest(got.floats(name), reference) <= tolerance::logits() * largest(reference));
    }
    const auto without = bundled_checkpoints / "v2-f16";
    const auto ran = eval(without, without / "golden.safetensors", folder / "none.safetensors", {"--mtp"});
    CHECK(ran.status == 1);
    CHECK(ran.err.find("--mtp: the model has no layer that predicts further tokens") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(folder / "none.safetensors"));
}

TEST_CASE("eval computes exactly unless asked otherwise, also where sessions would not", "[cli][eval]") {
    const TempFolder folder;
    const auto model = bundled_checkpoints / "v31-fp8-e8m0", in = model / "golden.safetensors";
    const auto bytes = [&](std::vector<std::string> options) {
        REQUIRE(eval(model, in, folder / "out.safetensors", options).status == 0);
        std::ifstream file(folder / "out.safetensors", std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    CHECK(bytes({}) == bytes({"--mode", "exact"}));
    CHECK(bytes({}) != bytes({"--mode", "fast"}));
}

TEST_CASE("eval writes the same bytes whatever the chunk and the number of threads", "[cli][eval]") {
    const TempFolder folder;
    const auto model = bundled_checkpoints / "v2-group-limited", in = model / "golden.safetensors";
    const auto bytes = [&](std::vector<std::string> options) {
        const auto out = folder / "out.safetensors";
        REQUIRE(eval(model, in, out, options).status == 0);
        std::ifstream file(out, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const auto whole = bytes({});
    CHECK(whole == bytes({"--chunk", "7"}));
    CHECK(whole == bytes({"--threads", "1"}));
}

TEST_CASE("eval names the tensor that it cannot evaluate, and leaves no file behind", "[cli][eval]") {
    const TempFolder folder;
    const auto model = bundled_checkpoints / "v2-f16";
    const auto refused = [&](SafetensorsWriter& writer, const char* about) {
        const auto in = folder.write("in.safetensors", writer.file());
        const auto ran = eval(model, in, folder / "out.safetensors");
        CAPTURE(ran.err, about);
        CHECK(ran.status == 1);
        CHECK(lines_of(ran.err) == 1);
        CHECK(ran.err.find(in.string()) != std::string::npos);
        CHECK(ran.err.find(about) != std::string::npos);
        std::size_t files = 0;
        for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path())) ++files;
        CHECK(files == 1);
    };
    SafetensorsWriter outside, empty, none;
    outside.add("input_ids.a", {2}, std::vector<std::int64_t>{1, 1 << 30});
    refused(outside, "input_ids.a: token 1073741824 is outside the vocabulary");
    empty.add("input_ids.b", {0}, std::vector<std::int64_t>{});
    refused(empty, "input_ids.b: no tokens");
    none.add("something", {1}, std::vector<std::int64_t>{1});
    refused(none, "no tensor named input_ids.");
}

TEST_CASE("eval keeps the file that stands where it cannot write", "[cli][eval]") {
    const TempFolder folder;
    const auto model = bundled_checkpoints / "v2-f16";
    const auto ran = eval(model, model / "golden.safetensors", folder / "no/such/folder.safetensors");
    CHECK(ran.status == 1);
    CHECK(ran.err.find("no/such/folder.safetensors: cannot create") != std::string::npos);
    const auto kept = folder.write("out.safetensors", "kept");
    CHECK(eval(model, folder / "missing.safetensors", kept).status == 1);
    CHECK(std::filesystem::file_size(kept) == 4);
}
