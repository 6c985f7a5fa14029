#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "grammar/grammar_impl.hpp"
#include "grammar/token_mask.hpp"
#include "rorqual/source.hpp"
#include "rorqual/tokenizer.hpp"
#include "text/token_trie.hpp"
#include "text/tokenizer_impl.hpp"

using namespace rorqual;

namespace {

const Tokenizer& tale() {
    static const auto tokenizer = Tokenizer::open(Source::path(RQ_SOURCE_DIR "/examples/models/tale"));
    return tokenizer;
}

bool has(std::span<const std::uint64_t> mask, Token token) {
    const auto t = static_cast<std::size_t>(token);
    return (mask[t / 64] >> t % 64 & 1) != 0;
}

}  // namespace

TEST_CASE("a trie holds every token that is not special, once, below those it begins with", "[grammar]") {
    const auto& vocabulary = tale().impl()->vocabulary;
    const text::TokenTrie trie(vocabulary);
    std::vector<int> found(static_cast<std::size_t>(vocabulary.size()));
    std::string way;
    for (const auto& node : trie.nodes()) {
        way.resize(node.depth);
        way += static_cast<char>(node.byte);
        for (const Token token : trie.tokens().subspan(node.first_token, node.tokens)) {
            ++found[static_cast<std::size_t>(token)];
            CHECK(vocabulary.bytes(token) == way);
        }
    }
    for (Token token = 0; token < vocabulary.size(); ++token) {
        CHECK(found[static_cast<std::size_t>(token)] == (vocabulary.bytes(token).empty() || vocabulary.is_special(token) ? 0 : 1));
    }
    for (std::uint32_t i = 0; i < trie.nodes().size(); ++i) CHECK((trie.nodes()[i].end > i && trie.nodes()[i].end <= trie.nodes().size()));
}

TEST_CASE("a mask allows exactly the tokens after which the grammar can go on", "[grammar]") {
    const auto grammar = Grammar::from_rules(R"(root ::= sentence (" " sentence)*
        sentence ::= ["] [A-Z] [a-z]* (" " [a-z]+)* [.!?] ["] | "The " ("king" | "queen" | "prince") "s"? [.])");
    const auto& vocabulary = tale().impl()->vocabulary;
    const text::TokenTrie trie(vocabulary);
    const auto vocab = static_cast<std::size_t>(vocabulary.size());
    grammar::TokenMask mask(grammar.impl()->automaton, grammar.impl()->root, trie, vocab);
    grammar::Matcher matcher(grammar.impl()->automaton, grammar.impl()->root);
    std::string so_far;
    std::uint32_t random = 7;
    for (int step = 0; step < 60; ++step) {
        const auto allowed = mask.allowed();
        std::vector<Token> may;
        for (Token token = 0; token < vocabulary.size(); ++token) {
            const bool expected = !vocabulary.bytes(token).empty() && !vocabulary.is_special(token) &&
                                  matcher.after(matcher.start(), so_far + std::string(vocabulary.bytes(token))) != grammar::Matcher::nowhere;
            if (has(allowed, token) != expected) FAIL_CHECK("token " << token << " after \"" << so_far << '"');
            if (expected) may.push_back(token);
        }
        REQUIRE_FALSE(may.empty());
        random = random * 1664525U + 1013904223U;
        const auto taken = vocabulary.bytes(may[random / 7 % may.size()]);
        so_far += taken;
        REQUIRE(mask.accept(taken));
        CHECK(mask.is_whole() == grammar.matches(so_far));
        const auto place = mask.place();
        CHECK_FALSE(mask.accept("\n\n"));
        CHECK(mask.place() == place);
    }
}
