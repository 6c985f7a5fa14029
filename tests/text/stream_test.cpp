#include <catch2/catch.hpp>

#include <random>

#include "rorqual/error.hpp"
#include "support/outcome.hpp"
#include "tokenizers.hpp"

namespace rorqual {
namespace {

using test::is_utf8;
using test::outcome_of;

const Tokenizer& bytes_only() {
    static const Tokenizer tokenizer = Tokenizer::from_json(test::smallest_tokenizer().dump());
    return tokenizer;
}

std::vector<Token> as_tokens(std::string_view bytes) {
    std::vector<Token> tokens;
    for (const char byte : bytes) tokens.push_back(static_cast<unsigned char>(byte));
    return tokens;
}

std::string streamed(const Tokenizer& tokenizer, std::span<const Token> tokens, bool special = true) {
    StreamDecoder decoder(tokenizer, special);
    std::string text;
    for (const Token token : tokens) {
        const auto piece = decoder.push(token);
        CHECK(is_utf8(piece));
        text += piece;
    }
    return text += decoder.finish();
}

TEST_CASE("bytes that are no UTF-8 become U+FFFD, one for each maximal part of a character", "[text][decode]") {
    // The first column's cases are those of Rust's from_utf8_lossy and of table 3-8 of the Unicode standard.
    const std::pair<std::string, std::string> cases[] = {
        {"Hello \xF0\x90\x80World", "Hello \uFFFDWorld"},
        {"\xE2\x82", "\uFFFD"},
        {"\xC0\xAF", "\uFFFD\uFFFD"},
        {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
        {"\xF0\x9F\x98"
         "A",
         "\uFFFDA"},
        {"\x80\xFF\xC2", "\uFFFD\uFFFD\uFFFD"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
         "A",
         "\uFFFD\uFFFD\uFFFD\uFFFDA"},
        {"\xF0\x9F\x98\x80", "😀"},
    };
    for (const auto& [bytes, text] : cases) {
        CAPTURE(text);
        CHECK(bytes_only().decode(as_tokens(bytes)) == text);
        CHECK(streamed(bytes_only(), as_tokens(bytes)) == text);
    }
}

TEST_CASE("streamed pieces are whole characters and joined they are the decoded text", "[text][decode]") {
    const auto name = GENERATE(as<std::string>(), "v3", "gpt2");
    const auto tokenizer = test::bundled_tokenizer(name);
    for (const auto& row : test::read_json_lines(test::bundled("vectors.jsonl"))) {
        const auto tokens = tokenizer.encode(row.at("text").get<std::string>(), AddedTokens::recognise);
        CHECK(streamed(tokenizer, tokens) == tokenizer.decode(tokens));
        CHECK(streamed(tokenizer, tokens, false) == tokenizer.decode(tokens, false));
    }
}

TEST_CASE("random tokens stream to their decoded text, wherever the stream is cut and finished", "[text][decode]") {
    std::mt19937 draw(5);
    const std::string parts[] = {"\xE2", "\x82", "\xAC", "\xF0", "\x9F", "\x98", "\x80", "a", "\xED", "\xA0", "\xFF", "é"};
    for (int round = 0; round < 300; ++round) {
        std::string bytes;
        for (int i = 0; i < 12; ++i) bytes += parts[draw() % std::size(parts)];
        const auto tokens = as_tokens(bytes);
        const std::string whole = bytes_only().decode(tokens);
        CHECK(is_utf8(whole));
        CHECK(streamed(bytes_only(), tokens) == whole);
        for (std::size_t cut = 0; cut <= tokens.size(); ++cut) {
            // Finishing starts anew: the two halves are decoded as texts of their own.
            const std::span all(tokens);
            StreamDecoder decoder(bytes_only());
            std::string text;
            for (const Token token : all.first(cut)) text += decoder.push(token);
            text += decoder.finish();
            for (const Token token : all.subspan(cut)) text += decoder.push(token);
            text += decoder.finish();
            CHECK(text == bytes_only().decode(all.first(cut)) + bytes_only().decode(all.subspan(cut)));
        }
    }
}

TEST_CASE("special tokens are printed or left out, as asked", "[text][decode]") {
    const std::vector<Token> tokens{'a', 300, 'b'};
    CHECK(bytes_only().decode(tokens) == "a<end>b");
    CHECK(bytes_only().decode(tokens, false) == "ab");
    CHECK(bytes_only().is_special(300));
    CHECK_FALSE(bytes_only().is_special('a'));
}

TEST_CASE("ids outside the vocabulary are refused by decode and empty for bytes", "[text][decode]") {
    CHECK(bytes_only().vocab_size() == 301);
    const Token id = GENERATE(-1, 301, INT32_MIN, INT32_MAX);
    CAPTURE(id);
    const auto decoded = outcome_of([&] { static_cast<void>(bytes_only().decode(std::vector<Token>{'a', id})); });
    CHECK(decoded.status == Status::invalid_argument);
    CHECK(decoded.says("token " + std::to_string(id)));
    CHECK(bytes_only().bytes(id).empty());
    CHECK(bytes_only().bytes(299).empty());  // a gap: inside the vocabulary, defined by nothing
    CHECK(bytes_only().decode(std::vector<Token>{299}).empty());
}

TEST_CASE("a token's bytes and its spelling lead to each other", "[text]") {
    const auto tokenizer = test::bundled_tokenizer("v3");
    for (Token id = 0; id < tokenizer.vocab_size(); ++id) CHECK(tokenizer.find(tokenizer.bytes(id)) == id);
    CHECK(tokenizer.bytes(*tokenizer.find(" the")) == " the");
    CHECK_FALSE(tokenizer.find("no such token").has_value());
    CHECK_FALSE(tokenizer.find("").has_value());
}

TEST_CASE("text that is not UTF-8 is refused with the offset of its first wrong byte", "[text][hostile]") {
    std::mt19937 draw(9);
    for (int round = 0; round < 2000; ++round) {
        std::string text(draw() % 24, ' ');
        for (char& c : text) c = static_cast<char>(draw() % 3 == 0 ? draw() % 256 : 'a' + draw() % 26);
        CAPTURE(text);
        if (is_utf8(text)) {
            CHECK(bytes_only().decode(bytes_only().encode(text)) == text);
            continue;
        }
        const auto outcome = outcome_of([&] { static_cast<void>(bytes_only().encode(text)); });
        std::size_t first_wrong = 0;  // before it, characters; no longer beginning is valid
        for (std::size_t end = 1; end <= text.size(); ++end) {
            if (is_utf8(std::string_view(text).substr(0, end))) first_wrong = end;
        }
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says("byte " + std::to_string(first_wrong) + " "));
    }
}

}  // namespace
}  // namespace rorqual
