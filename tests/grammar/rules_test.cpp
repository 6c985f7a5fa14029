#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

#include "rorqual/error.hpp"
#include "rorqual/grammar.hpp"

using namespace rorqual;

namespace {

std::string complaint(const std::string& rules) {
    try {
        (void)Grammar::from_rules(rules);
    } catch (const Error& e) {
        CHECK(e.status() == Status::invalid_argument);
        return e.what();
    }
    return "";
}

}  // namespace

TEST_CASE("rules admit just the texts they describe", "[grammar]") {
    struct Case {
        const char* rules;
        std::vector<std::string> inside, outside;
    };
    const Case cases[] = {
        {R"(root ::= "yes" | "no" reason?
            reason ::= ", because " [^\n.]{1,5} ".")",
         {"yes", "no", "no, because i.", "no, because été.", "no, because 12345."},
         {"", "ye", "yesno", "no, because .", "no, because 123456.", "yes, because x.", "no, because a\n."}},
        {R"(root ::= [a-c]+ [0-9]* "x"{2} ("q" | "rs"){0,2})", {"axx", "abc0123xx", "bxxq", "bxxqrs", "bxxrsrs"}, {"xx", "ax", "axxx", "axxqqq", "dxx"}},
        {"root ::= list\nlist ::= \"(\" list* \")\" # nested", {"()", "(())", "(()()(()))"}, {"", "(", ")(", "(()", "())"}},
        {R"(root ::= . "\u{e9}" [\]\-^\\] "\x41\"\t")", {"xé]A\"\t", "語é-A\"\t", "\xf0\x9f\x90\xb3é\\A\"\t", "xé^A\"\t"}, {"é]A\"\t", "\né]A\"\t", "xéaA\"\t"}},
        {R"(root ::= ("a"?)* "b")", {"b", "ab", "aaaab"}, {"", "a", "ba"}},
        {R"(first ::= second "!"
            second ::= "a" | )",
         {"!", "a!"},
         {"", "a", "aa!"}},
        {R"(root ::= [^a-z]{3})", {"ABC", "語é\xf0\x9f\x90\xb3"}, {"abC", "AB", "\xed\xa0\x80\xed\xa0\x80\xed\xa0\x80", "A\xffZ", "\xf4\x90\x80\x80ZZ"}},
    };
    for (const Case& c : cases) {
        const auto grammar = Grammar::from_rules(c.rules);
        for (const auto& text : c.inside) {
            CAPTURE(c.rules, text);
            CHECK(grammar.matches(text));
        }
        for (const auto& text : c.outside) {
            CAPTURE(c.rules, text);
            CHECK_FALSE(grammar.matches(text));
        }
    }
}

TEST_CASE("a class of characters admits every character inside and none outside, wherever its ends lie in UTF-8", "[grammar]") {
    std::mt19937 rng(5);
    const char32_t edges[] = {0, 1, 0x7e, 0x7f, 0x80, 0x81, 0xbf, 0xc0, 0x7ff, 0x800, 0x801, 0xfff, 0x1000, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10001, 0x3ffff, 0x40000, 0x10fffe, 0x10ffff};
    const auto utf8 = [](char32_t c) {
        std::string s;
        if (c < 0x80) return s += static_cast<char>(c), s;
        if (c < 0x800) return s += static_cast<char>(0xc0 | c >> 6), s += static_cast<char>(0x80 | (c & 63)), s;
        if (c < 0x10000) return s += static_cast<char>(0xe0 | c >> 12), s += static_cast<char>(0x80 | (c >> 6 & 63)), s += static_cast<char>(0x80 | (c & 63)), s;
        return s += static_cast<char>(0xf0 | c >> 18), s += static_cast<char>(0x80 | (c >> 12 & 63)), s += static_cast<char>(0x80 | (c >> 6 & 63)), s += static_cast<char>(0x80 | (c & 63)), s;
    };
    const auto escaped = [](char32_t c) {
        char text[16];
        std::snprintf(text, sizeof text, "\\u{%x}", static_cast<unsigned>(c));
        return std::string(text);
    };
    bool right = true;
    for (const char32_t a : edges) {
        for (const char32_t b : edges) {
            if (b < a) continue;
            const auto grammar = Grammar::from_rules("root ::= [" + escaped(a) + "-" + escaped(b) + "]");
            for (const char32_t edge : edges) {
                for (const std::uint32_t near : {edge - 1U, edge + 0U, edge + 1U, static_cast<std::uint32_t>(rng() % 0x110000)}) {
                    const auto c = static_cast<char32_t>(near);
                    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) continue;
                    right = right && grammar.matches(utf8(c)) == (c >= a && c <= b);
                }
            }
        }
    }
    CHECK(right);
}

TEST_CASE("rules that cannot be read are refused with line and column", "[grammar]") {
    CHECK(complaint("") == "grammar: line 1, column 1: there is no rule");
    CHECK(complaint("root ::= \"a\n") == "grammar: line 1, column 10: it does not end");
    CHECK(complaint("root ::= \"a\"\nroot ::= \"b\"") == "grammar: line 2, column 1: rule root is defined twice");
    CHECK(complaint("root ::= (\"a\" | \"b\"").find("line 1, column 10: the parenthesis is not closed") != std::string::npos);
    CHECK(complaint("root ::= [b-a]").find("a range that ends before it begins") != std::string::npos);
    CHECK(complaint("root ::= []").find("a class of no characters") != std::string::npos);
    CHECK(complaint("root ::= \"a\"{3,2}").find("fewer repetitions at most than at least") != std::string::npos);
    CHECK(complaint("root ::= \"a\"{999999999999}").find("more repetitions than") != std::string::npos);
    CHECK(complaint("root ::= \"\\q\"").find("an escape that is not known") != std::string::npos);
    CHECK(complaint("root ::= \"\\u{d800}\"").find("expected \\u{…}") != std::string::npos);
    CHECK(complaint("root ::= \"\xff\"") == "grammar: line 1, column 11: no UTF-8");
    CHECK(complaint("root ::= other") == "grammar: there is no rule other");
    CHECK(complaint("root ::= \"a\" )").find("expected the end of the rule") != std::string::npos);
    CHECK(complaint("::= \"a\"").find("expected a rule") != std::string::npos);
    CHECK(complaint("root ::= " + std::string(100'000, '(')).find("parentheses deeper than 256") != std::string::npos);
    CHECK(complaint("root ::= ((\"a\"{1000}){1000}){1000}").find("too large") != std::string::npos);
}

TEST_CASE("a rule that calls itself before it has read anything is refused by name, one that does so later is not", "[grammar]") {
    CHECK(complaint("root ::= root \"a\" | \"b\"") == "grammar: rule root calls itself before it has read anything, in root");
    CHECK(complaint("root ::= a\na ::= \"x\"? b\nb ::= c* a\nc ::= \"y\"").find("calls itself before it has read anything") != std::string::npos);
    CHECK(complaint("root ::= empty root \"a\" | \"b\"\nempty ::= \"\"").find("rule root") != std::string::npos);
    CHECK(complaint("root ::= \"a\" root | \"b\"").empty());
}

TEST_CASE("every beginning of a grammar's text, and it with any byte changed, is read without harm", "[grammar]") {
    const std::string rules = "root ::= \"yes\\n\" | [^a-z\\]]{1,3} item* # end\nitem ::= (\"x\" | \"\\u{e9}\")+ .";
    std::mt19937 rng(3);
    for (std::size_t n = 0; n <= rules.size(); ++n) {
        (void)complaint(rules.substr(0, n));
        for (int i = 0; i < 20 && n < rules.size(); ++i) {
            auto changed = rules;
            changed[n] = static_cast<char>(rng());
            (void)complaint(changed);
        }
    }
    CHECK(complaint(rules).empty());
}
