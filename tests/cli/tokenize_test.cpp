#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace rorqual::test;
using Json = nlohmann::json;

namespace {

Ran tokenize(std::vector<std::string> arguments, std::string_view input) {
    arguments.insert(arguments.begin(), {"tokenize", tale.string()});
    return rorqual_program(arguments, input);
}

}  // namespace

TEST_CASE("tokenize turns text into ids and ids into the same text", "[cli][tokenize]") {
    const std::string text = "A tale about a whale, two kings and \xE2\x80\x9Cnothing\xE2\x80\x9D.\n";
    const auto ids = tokenize({}, text);
    CHECK(ids.status == 0);
    CHECK(lines_of(ids.out) == 1);
    CHECK(tokenize({"--decode"}, ids.out).out == text);
}

TEST_CASE("tokenize reads the tokenizer's file as it reads the model's folder", "[cli][tokenize]") {
    const auto folder = tokenize({}, "Once upon a time");
    REQUIRE(folder.status == 0);
    CHECK(rorqual_program({"tokenize", (tale / "tokenizer.json").string()}, "Once upon a time").out == folder.out);
}

TEST_CASE("tokenize --jsonl answers every line with one array, and --decode --jsonl gives the strings back", "[cli][tokenize]") {
    const std::vector<std::string> texts = {"Once upon a time", "", "line\nbreak", "\xF0\x9F\x90\x8B whale", " \t "};
    std::string input;
    for (const auto& text : texts) input += Json(text).dump() + "\n";
    const auto ids = tokenize({"--jsonl"}, input);
    REQUIRE(ids.status == 0);
    REQUIRE(lines_of(ids.out) == texts.size());
    const auto back = tokenize({"--jsonl", "--decode"}, ids.out);
    CHECK(back.status == 0);
    CHECK(back.out == input);
}

TEST_CASE("tokenize --plain sees letters where a special token is written", "[cli][tokenize]") {
    const auto special = Json::parse(tokenize({"--jsonl"},
                                              "\"<\xEF\xBD\x9C"
                                              "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>\"\n")
                                         .out);
    const auto plain = Json::parse(tokenize({"--jsonl", "--plain"},
                                            "\"<\xEF\xBD\x9C"
                                            "end\xE2\x96\x81of\xE2\x96\x81sentence\xEF\xBD\x9C>\"\n")
                                       .out);
    CHECK(special.size() == 1);
    CHECK(plain.size() > 5);
}

TEST_CASE("tokenize names the line that is not what it expects", "[cli][tokenize]") {
    const auto fails = [](const Ran& ran, const char* about) {
        CAPTURE(ran.err, about);
        CHECK(ran.status == 1);
        CHECK(ran.err.find(about) != std::string::npos);
    };
    fails(tokenize({"--jsonl"}, "\"good\"\nbad\n"), "line 2: not JSON");
    fails(tokenize({"--jsonl"}, "[1]\n"), "line 1: expected a JSON string");
    fails(tokenize({"--jsonl", "--decode"}, "\"text\"\n"), "line 1: expected an array of token ids");
    fails(tokenize({"--jsonl", "--decode"}, "[2147483647]\n"), "line 1: ");
    fails(tokenize({"--decode"}, "12 x"), "\"x\" is no token id");
    fails(rorqual_program({"tokenize", (bundled_checkpoints / "v2-f16").string()}, "x"), "tokenizer.json");
}
