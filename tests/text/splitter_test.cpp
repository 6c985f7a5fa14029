#include <catch2/catch.hpp>

#include <random>

#include "text/deepseek_splitters.hpp"
#include "text/pretokenizer.hpp"
#include "text/unicode.hpp"
#include "tokenizers.hpp"

namespace rorqual::text {
namespace {

using Steps = std::span<const SplitStep> (*)();

std::vector<std::string> pieces(const Pretokenizer& pretokenizer, std::string_view text) {
    std::vector<std::string> all;
    pretokenizer.split(text, [&](std::string_view piece) { all.emplace_back(piece); });
    return all;
}

// Draws characters where the patterns make differences: what they name, the ends of their ranges, and anything that Unicode
// 16.0 defines. (What it does not define may be a letter to a newer PCRE2.)
class Characters {
 public:
    explicit Characters(unsigned seed) : draw_(seed) {
        for (const auto category : {Category::letter, Category::mark, Category::number, Category::punctuation, Category::symbol}) {
            for (const auto range : ranges_of(category)) defined_.push_back(range);
        }
        for (const auto range : white_space()) spaces_.push_back(range);
    }

    std::string text(std::size_t length) {
        static constexpr char32_t chosen[] = {'\r', '\n', ' ', ' ', '\t', 'a', 'Z', '1', '.', '-', '\'', 0, 0x7F, 0x180E, 0x200D, 0x2019, 0x3000,
                                              0x3001, 0x3002, 0x303F, 0x3040, 0x3097, 0x3099, 0x309B, 0x30A0, 0x30FB, 0x30FF, 0x4E00, 0x9FA5,
                                              0x9FA6, 0x0800, 0x07FF, 0xAC00, 0xD7A3, 0xD7FF, 0xE000, 0xFF01, 0xFF10, 0xFFFF, 0x1E943, 0x10FFFF};
        std::string out;
        for (std::size_t i = 0; i < length; ++i) {
            switch (draw_() % 6) {
                case 0: append_utf8(out, static_cast<char32_t>(draw_() % 0x80)); break;
                case 1: append_utf8(out, any_of(defined_)); break;
                case 2: append_utf8(out, any_of(spaces_)); break;
                default: append_utf8(out, chosen[draw_() % std::size(chosen)]);
            }
        }
        return out;
    }

 private:
    char32_t any_of(const std::vector<CodepointRange>& ranges) {
        const auto range = ranges[draw_() % ranges.size()];
        return range.first + draw_() % (range.last - range.first + 1);
    }

    std::mt19937 draw_;
    std::vector<CodepointRange> defined_, spaces_;
};

TEST_CASE("the hand-written DeepSeek splitters divide random text as the published patterns do", "[text][splitter]") {
    const auto steps = GENERATE(Steps{deepseek_v3_steps}, Steps{deepseek_v2_steps});
    const Pretokenizer fast(steps());
    const Pretokenizer reference(steps(), Pretokenizer::Matchers::regex_only);
    Characters characters(17);
    for (std::size_t round = 0; round < 8000; ++round) {
        const std::string text = characters.text(round % 23);
        CAPTURE(text);
        REQUIRE(pieces(fast, text) == pieces(reference, text));
    }
}

TEST_CASE("the hand-written splitters put every character that Unicode 16.0 defines where the patterns put it", "[text][splitter]") {
    const auto steps = GENERATE(Steps{deepseek_v3_steps}, Steps{deepseek_v2_steps});
    const Pretokenizer fast(steps());
    const Pretokenizer reference(steps(), Pretokenizer::Matchers::regex_only);
    for (const auto category : {Category::letter, Category::mark, Category::number, Category::punctuation, Category::symbol}) {
        std::string text;
        for (const auto range : ranges_of(category)) {
            // The ends of every range, inside words, numbers, marks and spaces.
            for (const char32_t codepoint : {range.first, range.last}) {
                for (const char* neighbour : {"a", " ", "1", "."}) {
                    text += neighbour;
                    append_utf8(text, codepoint);
                    text += neighbour;
                }
            }
        }
        CHECK(pieces(fast, text) == pieces(reference, text));
    }
}

TEST_CASE("pieces joined are the text, and none is empty", "[text][splitter]") {
    const auto steps = GENERATE(Steps{deepseek_v3_steps}, Steps{deepseek_v2_steps});
    const Pretokenizer pretokenizer(steps());
    Characters characters(3);
    for (std::size_t round = 0; round < 500; ++round) {
        const std::string text = characters.text(round % 40);
        std::string joined;
        for (const auto& piece : pieces(pretokenizer, text)) {
            CHECK_FALSE(piece.empty());
            joined += piece;
        }
        CHECK(joined == text);
    }
}

TEST_CASE("long runs of any one character are divided in linear time", "[text][splitter][hostile]") {
    const auto steps = GENERATE(Steps{deepseek_v3_steps}, Steps{deepseek_v2_steps});
    const Pretokenizer pretokenizer(steps());
    for (const char* one : {" ", "\n", "a", "1", ".", "\t", "漢", "・", "\u3000", "\u0301", "é", "\x01"}) {
        std::string text;
        for (int i = 0; i < 300'000; ++i) text += one;
        std::size_t bytes = 0;
        // Behind the run stands what makes the patterns look back.
        text += "x";
        pretokenizer.split(text, [&](std::string_view piece) { bytes += piece.size(); });
        CHECK(bytes == text.size());
    }
}

TEST_CASE("the published lists are recognised with line ends as escapes or as themselves, and nothing else is", "[text][splitter]") {
    for (const auto published : {deepseek_v3_steps(), deepseek_v2_steps()}) {
        std::vector<SplitStep> steps(published.begin(), published.end());
        CHECK(hand_written_splitter(steps) != nullptr);
        for (auto& step : steps) {
            for (const auto& [escape, character] : {std::pair{"\\r", "\r"}, std::pair{"\\n", "\n"}}) {
                for (auto at = step.pattern.find(escape); at != std::string::npos; at = step.pattern.find(escape)) step.pattern.replace(at, 2, character);
            }
        }
        CHECK(hand_written_splitter(steps) != nullptr);
        steps.front().pattern += " ";
        CHECK(hand_written_splitter(steps) == nullptr);
        steps.assign(published.begin(), published.end() - 1);
        CHECK(hand_written_splitter(steps) == nullptr);
    }
    CHECK(hand_written_splitter({}) == nullptr);
}

TEST_CASE("the patterns of published files are among those recognised", "[text][splitter]") {
    for (const char* name : {"v3", "v2"}) {
        const auto file = nlohmann::json::parse(test::read_file(test::bundled(std::string(name) + ".json")));
        std::vector<SplitStep> steps;
        for (const auto& part : file.at("pre_tokenizer").at("pretokenizers")) {
            if (part.at("type") == "Split") steps.push_back({SplitStep::Kind::regex, part.at("pattern").at("Regex"), ""});
            if (part.at("type") == "Digits") steps.push_back({SplitStep::Kind::each_digit, "", ""});
        }
        CAPTURE(name);
        CHECK(hand_written_splitter(steps) != nullptr);
    }
}

}  // namespace
}  // namespace rorqual::text
