#include <catch2/catch.hpp>

#include <random>

#include "rorqual/error.hpp"
#include "support/outcome.hpp"
#include "tokenizers.hpp"

namespace rorqual {
namespace {

using nlohmann::json;

// Opens the file, and where that works uses it: anything but a value or an Error fails the test.
test::Outcome open_and_use(const std::string& text) {
    return test::outcome_of([&] {
        const auto tokenizer = Tokenizer::from_json(text, "hostile");
        const std::string sample = "abc <end> 漢字 12\n";
        CHECK(tokenizer.decode(tokenizer.encode(sample)).size() >= sample.size());
    });
}

TEST_CASE("every beginning of a tokenizer.json is refused as corrupt", "[text][hostile]") {
    const std::string text = test::smallest_tokenizer().dump();
    for (std::size_t length = 0; length < text.size(); ++length) {
        const auto outcome = open_and_use(text.substr(0, length));
        CAPTURE(length);
        REQUIRE(outcome.status == Status::corrupt);
        REQUIRE(outcome.says("hostile"));
    }
    CHECK(open_and_use(text).ok());
}

TEST_CASE("every value of a tokenizer.json can be of any type without harm", "[text][hostile]") {
    const json whole = test::smallest_tokenizer();
    const json strange[] = {nullptr, true, 0, 257, -1, 1e300, INT64_MAX, UINT64_MAX, "", "x", json::array(), json::array({json::object()}),
                            json::object(), json::object({{"type", "Sequence"}}), std::string("\0\n", 2)};
    std::size_t refused = 0;
    // All keys outside the vocabulary, and a few inside it.
    const json flat = whole.flatten();
    for (const auto& [pointer, ignored] : flat.items()) {
        if (pointer.starts_with("/model/vocab/") && pointer > "/model/vocab/d") continue;
        for (auto at = json::json_pointer(pointer); !at.empty(); at = at.parent_pointer()) {
            for (const json& value : strange) {
                json file = whole;
                file[at] = value;
                CAPTURE(at.to_string(), value);
                const auto outcome = open_and_use(file.dump());
                CHECK((outcome.ok() || outcome.status == Status::corrupt || outcome.status == Status::unsupported));
                CHECK((outcome.ok() || outcome.says("hostile")));
                refused += !outcome.ok();
            }
        }
    }
    CHECK(refused > 0);
}

TEST_CASE("removed keys are refused or have their documented default", "[text][hostile]") {
    const json whole = test::smallest_tokenizer();
    for (const char* pointer : {"/version", "/model", "/model/vocab", "/model/merges", "/pre_tokenizer", "/pre_tokenizer/type", "/decoder",
                                "/added_tokens/0/id", "/added_tokens/0/content"}) {
        const json::json_pointer at(pointer);
        json file = whole;
        file[at.parent_pointer()].erase(at.back());
        CAPTURE(pointer);
        CHECK_FALSE(open_and_use(file.dump()).ok());
    }
    for (const char* pointer : {"/model/type", "/added_tokens", "/added_tokens/0/special"}) {
        const json::json_pointer at(pointer);
        json file = whole;
        file[at.parent_pointer()].erase(at.back());
        CAPTURE(pointer);
        CHECK(open_and_use(file.dump()).ok());
    }
}

TEST_CASE("deeply nested steps are refused, whatever they are", "[text][hostile]") {
    for (const auto& [key, list] : {std::pair{"normalizer", "normalizers"}, std::pair{"pre_tokenizer", "pretokenizers"}, std::pair{"decoder", "decoders"}}) {
        json nested = test::smallest_tokenizer()["decoder"];
        for (int depth = 0; depth < 200; ++depth) nested = {{"type", "Sequence"}, {list, json::array({nested})}};
        json file = test::smallest_tokenizer();
        file[key] = nested;
        CHECK_FALSE(open_and_use(file.dump()).ok());
    }
}

TEST_CASE("a long list of steps and a pattern full of classes cost little before they are refused or used", "[text][hostile]") {
    json file = test::smallest_tokenizer();
    const json byte_level = file["pre_tokenizer"];
    json steps = json::array();
    for (int i = 0; i < 50'000; ++i) steps.push_back({{"type", "Digits"}, {"individual_digits", true}});
    file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
    const auto many = open_and_use(file.dump());
    CHECK(many.status == Status::unsupported);
    CHECK(many.says("pre_tokenizer.pretokenizers[32]"));

    std::string classes;
    for (int i = 0; i < 800; ++i) classes += "\\p{L}";
    const json split = {{"type", "Split"}, {"pattern", {{"Regex", classes}}}, {"behavior", "Isolated"}, {"invert", false}};
    file["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", json::array({split, byte_level})}};
    const auto full = open_and_use(file.dump());
    CHECK((full.ok() || full.status == Status::unsupported));
}

TEST_CASE("random changes to a file end in a tokenizer or an Error", "[text][hostile]") {
    const std::string text = test::read_file(test::bundled("qwen.json"));
    std::mt19937 draw(4);
    for (int round = 0; round < 300; ++round) {
        std::string changed = text;
        for (int i = 0; i < 3; ++i) {
            // Mostly in the last part, where merges and settings stand, and at the beginning.
            const std::size_t at = draw() % 2 == 0 ? draw() % 1500 : draw() % changed.size();
            changed[at] = "\0\"{}[],:-0919aeE\\ \xC3u"[draw() % 20];
        }
        const auto outcome = test::outcome_of([&] { static_cast<void>(Tokenizer::from_json(changed, "hostile")); });
        CHECK((outcome.ok() || outcome.says("hostile")));
    }
}

TEST_CASE("random text comes back from its tokens, and random tokens give text", "[text][hostile]") {
    const auto name = GENERATE(as<std::string>(), "v3", "v2", "coder");
    const auto tokenizer = test::bundled_tokenizer(name);
    std::mt19937 draw(6);
    for (int round = 0; round < 400; ++round) {
        std::vector<Token> tokens(draw() % 60);
        for (Token& token : tokens) token = static_cast<Token>(draw() % static_cast<unsigned>(tokenizer.vocab_size()));
        const std::string text = tokenizer.decode(tokens);
        REQUIRE(test::is_utf8(text));
        REQUIRE(tokenizer.decode(tokenizer.encode(text)) == text);
        REQUIRE(tokenizer.decode(tokenizer.encode(text, AddedTokens::recognise)) == text);
        // Spelled out, nothing that somebody writes becomes a special token.
        for (const Token token : tokenizer.encode(text)) REQUIRE_FALSE(tokenizer.is_special(token));
    }
}

}  // namespace
}  // namespace rorqual
