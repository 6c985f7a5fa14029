#include <catch2/catch.hpp>

#include "rorqual/error.hpp"
#include "support/outcome.hpp"
#include "text/regex.hpp"
#include "text/regex_splitter.hpp"
#include "text/regex_syntax.hpp"

namespace rorqual::text {
namespace {

using Pieces = std::vector<std::string>;

Pieces split(const std::string& pattern, std::string_view text, SplitStep::Kind kind = SplitStep::Kind::regex) {
    Pieces pieces;
    RegexSplitter({kind, pattern, "the pattern"}).split(text, [&](std::string_view piece) { pieces.emplace_back(piece); });
    return pieces;
}

// The expected pieces are those of Hugging Face tokenizers 0.23.3 (Oniguruma 6.9.10).
TEST_CASE("patterns mean what they mean to Oniguruma", "[text][syntax]") {
    CHECK(split("\\s", "a\u180eb\u0085c\u2028d") == Pieces{"a\u180eb", "\u0085", "c", "\u2028", "d"});
    CHECK(split("\\S+", "a\u180e b") == Pieces{"a\u180e", " ", "b"});
    CHECK(split("[^\\S\\n]+", "a \n\tb") == Pieces{"a", " ", "\n", "\t", "b"});
    CHECK(split("\\s+$", "a \nb  ") == Pieces{"a", " ", "\nb", "  "});
    CHECK(split("^b", "b\nb") == Pieces{"b", "\n", "b"});
    CHECK(split(".", "\n\r") == Pieces{"\n", "\r"});
    CHECK(split("\\d+", "a12\u0663b") == Pieces{"a", "12\u0663", "b"});
    CHECK(split("(?i:'s|'re)", "x'S y'Re z'\u017f") == Pieces{"x", "'S", " y", "'Re", " z", "'\u017f"});
    CHECK(split("[\\p{L}\\-_]+", "a-b_c+d") == Pieces{"a-b_c", "+", "d"});
    CHECK(split("[+-]", "a+b-c") == Pieces{"a", "+", "b", "-", "c"});
    CHECK(split("[\\s-]", "a-b c") == Pieces{"a", "-", "b", " ", "c"});
    CHECK(split("a{2,3}", "aaaaa") == Pieces{"aaa", "aa"});
    CHECK(split("a+?", "aa") == Pieces{"a", "a"});
    CHECK(split("(?<=b)c", "bc c") == Pieces{"b", "c", " c"});
    CHECK(split("\\x41|\\u00e9|\\x{4e00}", "xA\u00e9\u4e00") == Pieces{"x", "A", "\u00e9", "\u4e00"});
    CHECK(split("\\p{Han}+", "a漢字カ") == Pieces{"a", "漢字", "カ"});
    CHECK(split("[^\\p{L}]", "a1") == Pieces{"a", "1"});
    CHECK(split("\\P{L}+|\\p{^N}", "a1") == Pieces{"a", "1"});
}

TEST_CASE("letters of Unicode 16.0 are letters, whatever this machine's PCRE2 knows", "[text][syntax]") {
    // U+1C89 (16.0), U+31350 (15.0), U+10D4E (16.0, a modifier letter).
    CHECK(split("\\p{L}+", "a\u1c89\U00031350\U00010D4E.") == Pieces{"a\u1c89\U00031350\U00010D4E", "."});
    CHECK(split("[^\\p{L}]+", "a\u1c89..") == Pieces{"a\u1c89", ".."});
    CHECK(split("\\P{L}+", "\u1c89..") == Pieces{"\u1c89", ".."});
    for (const auto category : {Category::letter, Category::mark, Category::number, Category::punctuation, Category::symbol}) {
        for (const auto range : unknown_to_pcre2(category)) CHECK(range.first > 0x80);
    }
}

TEST_CASE("matches of nothing divide the text where Oniguruma's iteration stops", "[text][syntax]") {
    CHECK(split("x*", "axxb") == Pieces{"a", "xx", "b"});
    CHECK(split("x*", "ab") == Pieces{"a", "b"});
    CHECK(split("(?=b)", "abab") == Pieces{"a", "ba", "b"});
    CHECK(split("x*", "é漢") == Pieces{"é", "漢"});
}

TEST_CASE("a literal pattern has no syntax", "[text][syntax]") {
    CHECK(split("a.b", "a.b acb", SplitStep::Kind::literal) == Pieces{"a.b", " acb"});
    CHECK(split("[", "a[b", SplitStep::Kind::literal) == Pieces{"a", "[", "b"});
}

TEST_CASE("what a pattern may not use is refused, with key and offset", "[text][syntax][hostile]") {
    const char* pattern = GENERATE("\\w", "\\b", "\\h", "\\X", "\\1", "\\k<a>", "[[:alpha:]]", "[a&&b]", "[a[b]]", "[]a]", "(?<name>a)", "(?i)a", "(?m:a)",
                                   "(?#c)", "(*UCP)a", "a**", "a{2}?", "a{2}+", "a{,2}", "a{", "{", "\\p{Alpha}", "\\p{Letter}", "\\pL", "\\p{L", "\\xE9",
                                   "\\x{110000}", "\\x{d800}", "\\u12", "[a-\\s]", "[a", "a\\", "(a", "a)", "[b-a]", "(?<=a+)b", "\\Q", "\\é", "\\x{", "[a-[");
    CAPTURE(pattern);
    const auto outcome = test::outcome_of([&] { static_cast<void>(split(pattern, "a")); });
    CHECK(outcome.status == Status::unsupported);
    CHECK(outcome.says("the pattern"));
}

TEST_CASE("a pattern that explodes is stopped", "[text][syntax][hostile]") {
    const std::string text(60, 'a');
    const auto outcome = test::outcome_of([&] { static_cast<void>(split("(?:a|a|a)*b$", text + "c")); });
    CHECK((outcome.ok() || outcome.status == Status::unsupported));
    const auto large = test::outcome_of([&] { static_cast<void>(split(std::string(100'000, 'a'), "a")); });
    CHECK(large.status == Status::unsupported);
    const auto nested = test::outcome_of([&] { static_cast<void>(split(std::string(5000, '(') + std::string(5000, ')'), "a")); });
    CHECK(nested.status == Status::unsupported);
}

}  // namespace
}  // namespace rorqual::text
