#include <catch2/catch.hpp>

#include "rorqual/error.hpp"
#include "support/outcome.hpp"
#include "tokenizers.hpp"

namespace rorqual {
namespace {

using nlohmann::json;
using test::smallest_tokenizer;

Tokenizer open(const json& file) { return Tokenizer::from_json(file.dump(), "some/tokenizer.json"); }

test::Outcome open_with(const std::string& pointer, const json& value) {
    json file = smallest_tokenizer();
    file[json::json_pointer(pointer)] = value;
    return test::outcome_of([&] { open(file); });
}

json byte_level() { return smallest_tokenizer().at("decoder"); }

TEST_CASE("the smallest tokenizer encodes and decodes", "[text][json]") {
    const auto tokenizer = open(smallest_tokenizer());
    CHECK(tokenizer.encode("abcab<end>", AddedTokens::recognise) == std::vector<Token>{257, 256, 300});
    CHECK(tokenizer.encode("<end>") == std::vector<Token>{'<', 'e', 'n', 'd', '>'});
    CHECK(tokenizer.encode("").empty());
    CHECK(tokenizer.not_applied().empty());
}

TEST_CASE("merges are pairs or strings", "[text][json]") {
    auto file = smallest_tokenizer();
    file["model"]["merges"] = json::array({"a b", "ab c"});
    CHECK(open(file).encode("abc") == std::vector<Token>{257});
}

TEST_CASE("what is not supported is refused by name, never ignored", "[text][json]") {
    struct Case {
        const char* pointer;
        json value;
        const char* key;
    };
    const Case cases[] = {
        {"/version", "2.0", "version"},
        {"/surprise", 1, "surprise"},
        {"/model/type", "WordPiece", "model.type"},
        {"/model/type", "Unigram", "Unigram"},
        {"/model/surprise", nullptr, "model.surprise"},
        {"/model/dropout", 0.1, "model.dropout"},
        {"/model/byte_fallback", true, "model.byte_fallback"},
        {"/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix"},
        {"/model/continuing_subword_prefix", "##", "model.continuing_subword_prefix"},
        {"/normalizer", {{"type", "NFKC"}}, "normalizer.type: \"NFKC\""},
        {"/normalizer", {{"type", "Sequence"}, {"normalizers", json::array({{{"type", "NFC"}}, {{"type", "Lowercase"}}})}}, "normalizer.normalizers[1].type"},
        {"/normalizer", {{"type", "NFC"}, {"strict", true}}, "normalizer.strict"},
        {"/pre_tokenizer", nullptr, "pre_tokenizer"},
        {"/pre_tokenizer", {{"type", "Metaspace"}}, "Metaspace"},
        {"/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array({byte_level(), {{"type", "Digits"}, {"individual_digits", true}}})}}, "pretokenizers[1]"},
        {"/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array()}}, "ByteLevel"},
        {"/pre_tokenizer/surprise", 1, "pre_tokenizer.surprise"},
        {"/decoder", nullptr, "decoder"},
        {"/decoder", {{"type", "WordPiece"}}, "decoder.type"},
        {"/decoder", {{"type", "Sequence"}, {"decoders", json::array({byte_level(), byte_level()})}}, "decoder"},
        {"/added_tokens/0/single_word", true, "added_tokens[0].single_word"},
        {"/added_tokens/0/surprise", true, "added_tokens[0].surprise"},
        {"/added_tokens/0/content", std::string(2000, 'x'), "added_tokens[0].content"},
    };
    for (const auto& [pointer, value, key] : cases) {
        CAPTURE(pointer, key);
        const auto outcome = open_with(pointer, value);
        CHECK(outcome.status == Status::unsupported);
        CHECK(outcome.says("some/tokenizer.json"));
        CHECK(outcome.says(key));
        CHECK_FALSE(outcome.says("\n"));
    }
}

TEST_CASE("every behaviour of a splitter but Isolated is refused by name", "[text][json]") {
    const auto behavior = GENERATE(as<std::string>(), "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous", "surprise");
    const json split = {{"type", "Split"}, {"pattern", {{"String", "a"}}}, {"behavior", behavior}, {"invert", false}};
    const auto outcome = open_with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array({split, byte_level()})}});
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.says("pre_tokenizer.pretokenizers[0].behavior: \"" + behavior + "\""));
}

TEST_CASE("a pattern the library does not understand is refused where it stands", "[text][json]") {
    const json split = {{"type", "Split"}, {"pattern", {{"Regex", "\\w+"}}}, {"behavior", "Isolated"}, {"invert", false}};
    const auto outcome = open_with("/pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", json::array({split, byte_level()})}});
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.says("pre_tokenizer.pretokenizers[0].pattern.Regex"));
}

TEST_CASE("contradictions are refused as corrupt, with the key", "[text][json][hostile]") {
    struct Case {
        const char* pointer;
        json value;
        const char* key;
    };
    const Case cases[] = {
        {"/model/vocab/a", 98, "model.vocab."},  // the id of b
        {"/model/vocab/new", -1, "model.vocab.new"},
        {"/model/vocab/new", INT64_MAX, "model.vocab.new"},
        {"/model/vocab/new", 1 << 24, "model.vocab.new"},
        {"/model/vocab/new", 1.5, "model.vocab.new"},
        {"/model/vocab/new", "1", "model.vocab.new"},
        {"/model/vocab/", 299, "model.vocab."},
        {"/model/merges/0", "ab", "model.merges[0]"},
        {"/model/merges/0", "a b c", "model.merges[0]"},
        {"/model/merges/0", json::array({"a"}), "model.merges[0]"},
        {"/model/merges/0", json::array({"a", "b", "c"}), "model.merges[0]"},
        {"/model/merges/0", json::array({"a", 1}), "model.merges[0]"},
        {"/model/merges/0", json::array({"a", "c"}), "model.merges[0]"},  // "ac" is no entry
        {"/model/merges/0", json::array({"unknown", "b"}), "\"unknown\""},
        {"/model/merges/0", json::array({"", "ab"}), "model.merges[0]"},
        {"/added_tokens/0/id", 97, "added_tokens[0]"},
        {"/added_tokens/0/id", -1, "added_tokens[0].id"},
        {"/added_tokens/0/content", "", "added_tokens[0].content"},
        {"/added_tokens/0/content", "ab", "added_tokens[0]"},  // an entry with another id
        {"/added_tokens/1", {{"id", 301}, {"content", "<end>"}}, "added_tokens[1]"},
        {"/added_tokens/1", {{"id", 300}, {"content", "<other>"}}, "added_tokens[1]"},
    };
    for (const auto& [pointer, value, key] : cases) {
        CAPTURE(pointer, value);
        const auto outcome = open_with(pointer, value);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("some/tokenizer.json"));
        CHECK(outcome.says(key));
    }
}

TEST_CASE("a vocabulary without one of the bytes is refused: text would be lost", "[text][json]") {
    auto file = smallest_tokenizer();
    file["model"]["vocab"].erase("z");
    const auto outcome = test::outcome_of([&] { open(file); });
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.says("byte 122"));
}

TEST_CASE("what encode leaves to the caller is noted", "[text][json]") {
    auto file = smallest_tokenizer();
    file["truncation"] = {{"max_length", 3}};
    file["post_processor"] = {{"type", "TemplateProcessing"}};
    const auto tokenizer = open(file);
    CHECK(tokenizer.not_applied() ==
          std::vector<std::string>{"some/tokenizer.json: truncation", "some/tokenizer.json: post_processor: TemplateProcessing"});
    CHECK(tokenizer.encode("defghi").size() == 6);
    file = smallest_tokenizer();
    file["post_processor"] = byte_level();
    CHECK(open(file).not_applied().empty());
}

TEST_CASE("added tokens are found leftmost first and the longest of one place", "[text][added]") {
    auto file = smallest_tokenizer();
    const auto add = [&](int id, const char* content) {
        file["added_tokens"].push_back({{"id", id}, {"content", content}, {"special", true}, {"normalized", false}});
    };
    add(301, "<e"), add(302, "nd"), add(303, "<end>!?"), add(304, "\u6f22"), add(305, "\u6f23");
    const auto tokenizer = open(file);
    const auto encode = [&](std::string_view text) { return tokenizer.encode(text, AddedTokens::recognise); };
    CHECK(encode("<end>") == std::vector<Token>{300});
    CHECK(encode("<end>!") == std::vector<Token>{300, '!'});
    CHECK(encode("<end>!?") == std::vector<Token>{303});
    CHECK(encode("<en") == std::vector<Token>{301, 'n'});
    CHECK(encode("<<end") == std::vector<Token>{'<', 301, 302});
    CHECK(encode("\u6f22\u6f23\u6f24") == std::vector<Token>{304, 305, 0xE6, 0xBC, 0xA4});
    CHECK(tokenizer.encode("<end><e\u6f22") == std::vector<Token>{'<', 'e', 'n', 'd', '>', '<', 'e', 0xE6, 0xBC, 0xA2});
}

}  // namespace
}  // namespace rorqual
