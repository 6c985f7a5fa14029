#include <catch2/catch.hpp>

#include <filesystem>

#include "cli/program.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

TEST_CASE("quantize writes a file that runs, from a folder and from another file", "[cli][quantize]") {
    const TempFolder folder;
    const auto q8 = (folder / "q8.gguf").string(), q4 = (folder / "q4.gguf").string();
    const auto ran = rorqual_program({"quantize", tale.string(), "-o", q8, "--format", "q8_0"});
    CHECK(ran.status == 0);
    CHECK(ran.out.empty());
    CHECK(lines_of(ran.err) == 1);
    REQUIRE(rorqual_program({"quantize", q8, "-o", q4}).status == 0);
    CHECK(std::filesystem::file_size(q4) < std::filesystem::file_size(q8));
    CHECK(std::filesystem::file_size(q8) < std::filesystem::file_size(tale / "model.safetensors"));
    for (const auto& file : {q8, q4}) {
        const auto story = rorqual_program({"run", file, "Once upon a time", "--limit", "12", "--greedy"});
        CHECK(story.status == 0);
        CHECK(story.out.starts_with("Once upon a time"));
        CHECK(story.out.size() > 30);
    }
}

TEST_CASE("pack writes a file that runs like the original", "[cli][pack]") {
    const TempFolder folder;
    const std::string q8 = (folder / "q8.gguf").string(), packed = (folder / "q8.safetensors").string();
    REQUIRE(rorqual_program({"quantize", tale.string(), "-o", q8, "--format", "q8_0"}).status == 0);
    const auto ran = rorqual_program({"pack", q8, "-o", packed});
    CHECK(ran.status == 0);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("q8.safetensors") != std::string::npos);
    const auto story = [](const std::string& model) { return rorqual_program({"run", model, "Once", "--limit", "20", "--seed", "3"}).out; };
    CHECK_FALSE(story(q8).empty());
    CHECK(story(packed) == story(q8));
    CHECK(rorqual_program({"pack", packed, "-o", q8}).err.find("packed already") != std::string::npos);
    CHECK(rorqual_program({"pack", q8}).status == 2);
}

TEST_CASE("quantize tells what is wrong in one line and leaves no file", "[cli][quantize]") {
    const TempFolder folder;
    const auto out = (folder / "m.gguf").string();
    const auto failed = [&](const std::string& model, const std::string& format, const std::string& says) {
        const auto ran = rorqual_program({"quantize", model, "-o", out, "--format", format});
        CAPTURE(ran.err);
        CHECK(ran.status == 1);
        CHECK(lines_of(ran.err) == 1);
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(std::filesystem::is_empty(folder.path()));
    };
    failed("/nowhere/model", "q8_0", "/nowhere/model");
    failed(tale.string(), "q7", "q7");
    failed((bundled_checkpoints / "v2-group-limited").string(), "q8_0", "mscale");
    CHECK(rorqual_program({"quantize", tale.string()}).status == 2);
}
