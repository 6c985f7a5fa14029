#include <catch2/catch.hpp>

#include <string>

#include "grammar/grammar_impl.hpp"
#include "grammar/matcher.hpp"
#include "rorqual/error.hpp"

using namespace rorqual;
using grammar::Matcher;

TEST_CASE("a matcher that forgot what it had learnt goes on as if it had not", "[grammar]") {
    const auto grammar = Grammar::from_rules("root ::= \"[\" (root (\",\" root)*)? \"]\" | [0-9]+");
    const std::string text = "[1,[23,[],[[4]]],567]";
    Matcher steady(grammar.impl()->automaton, grammar.impl()->root), forgetful(grammar.impl()->automaton, grammar.impl()->root);
    auto a = steady.start(), b = forgetful.start();
    for (const char byte : text) {
        a = steady.after(a, static_cast<std::uint8_t>(byte));
        b = forgetful.forget_all_but(forgetful.after(b, static_cast<std::uint8_t>(byte)));
        REQUIRE(a != Matcher::nowhere);
        CHECK(steady.is_whole(a) == forgetful.is_whole(b));
        CHECK(steady.has_more(a) == forgetful.has_more(b));
        for (int next = 0; next < 256; ++next) {
            const auto byte_after = static_cast<std::uint8_t>(next);
            CHECK((steady.after(a, byte_after) == Matcher::nowhere) == (forgetful.after(b, byte_after) == Matcher::nowhere));
        }
    }
    CHECK((steady.is_whole(a) && !steady.has_more(a)));
}

TEST_CASE("text inside repeated characters stays at one place, however long it is", "[grammar]") {
    const auto grammar = Grammar::from_rules("root ::= \"<\" item* \">\"\nitem ::= \"'\" [^']* \"'\"");
    Matcher matcher(grammar.impl()->automaton, grammar.impl()->root);
    const auto inside = matcher.after(matcher.start(), "<'a");
    CHECK(matcher.after(inside, std::string(10'000, 'x')) == inside);
    const auto known = matcher.places();
    CHECK(matcher.after(inside, "''abc''x") == inside);
    CHECK(matcher.places() <= known + 4);
}

TEST_CASE("calls may nest to a limit, and what only ends a rule does not count", "[grammar]") {
    const auto nested = Grammar::from_rules("root ::= \"(\" root? \")\"");
    CHECK(nested.matches(std::string(Matcher::most_depth, '(') + std::string(Matcher::most_depth, ')')));
    CHECK_FALSE(nested.matches(std::string(100'000, '(') + std::string(100'000, ')')));
    const auto list = Grammar::from_rules("root ::= \"a\" root | \"b\"");
    CHECK(list.matches(std::string(100'000, 'a') + 'b'));
}

TEST_CASE("a text that can be read in more and more ways ends in an error, not in ever more memory", "[grammar]") {
    const auto grammar = Grammar::from_rules("root ::= s \".\"\ns ::= \"a\" s \"b\" | \"a\" s \"c\" | \"a\" s s | \"a\"");
    try {
        (void)grammar.matches(std::string(100, 'a'));
        FAIL("it was read");
    } catch (const Error& e) {
        CHECK(e.status() == Status::unsupported);
    }
}
