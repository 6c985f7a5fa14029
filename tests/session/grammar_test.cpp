#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/error.hpp"
#include "rorqual/session.hpp"
#include "rorqual/source.hpp"
#include "session/scripted_model.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using test::eos;
using test::outcome_of;
using test::Scripted;
using test::tell;
using test::Told;

namespace {

/// A model that wants to say `words`, byte by byte, and then has finished; the grammar may tell it otherwise.
Told said(const std::string& words, GenerateOptions options) {
    auto tokens = test::bytes(words);
    tokens.resize(words.size() + 64, eos);
    Scripted scripted({}, tokens);
    options.stop_tokens = {eos};
    return tell(scripted.session.generate(options));
}

}  // namespace

TEST_CASE("whatever a model wants to say, what it says is a text of the grammar", "[session][grammar]") {
    const auto model = Model::open(Source::path(std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale"));
    const auto grammar = Grammar::from_rules(R"(root ::= "{\"who\": \"" [A-Z] [a-z ]{2,20} "\", \"age\": " ([1-9] [0-9]? | "null") (", \"likes\": [" like (", " like){0,2} "]")? "}"
        like ::= "\"" ("gold" | "bread" | "the " [a-z]+) "\"")");
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        auto session = model->session();
        session.append(model->encode_prompt("Once upon a time there was"));
        const auto told = tell(session.generate({.sampling = {.temperature = seed == 0 ? 0.0f : 1.5f, .seed = seed}, .grammar = grammar}));
        CAPTURE(seed, told.text());
        CHECK(grammar.matches(told.text()));
        CHECK(told.finish == Finish::complete);
        CHECK(model->tokenizer().decode(told.tokens) == told.text());
    }
}

TEST_CASE("a grammar leaves what a model wants to say where it may say it", "[session][grammar]") {
    const auto free = said("yes, of course", {});
    CHECK((free.text() == "yes, of course" && free.finish == Finish::stop_token));
    const auto whole = said("yes, of course", {.grammar = Grammar::from_rules("root ::= [a-z, ]+")});
    CHECK((whole.text() == free.text() && whole.tokens == free.tokens && whole.finish == Finish::stop_token));
    const auto complete = said("yes, of course", {.grammar = Grammar::from_rules("root ::= \"yes\" | \"no\"")});
    CHECK((complete.text() == "yes" && complete.finish == Finish::complete));
    const auto longer = said("yes", {.grammar = Grammar::from_rules("root ::= \"yes \" [x-z]")});
    CHECK((longer.text() == "yes x" && longer.finish == Finish::complete));  // it wanted to stop; of equals the lowest id comes
    const auto limited = said("aaaa", {.limit = 2, .grammar = Grammar::from_rules("root ::= \"a\"{3}")});
    CHECK((limited.text() == "aa" && limited.finish == Finish::limit));
}

TEST_CASE("a grammar with a marker holds behind the marker alone, after white space or at once", "[session][grammar]") {
    const auto grammar = Grammar::from_rules("root ::= \"{}\"");
    for (const std::string thoughts : {"I think {</thin</think>", "</think>", "<</think>\n\n", "</</think> \t"}) {
        const auto told = said(thoughts + "hello", {.grammar = grammar, .grammar_after = "</think>"});
        CAPTURE(told.text());
        CHECK(told.text().starts_with(thoughts));
        CHECK(told.text().ends_with("{}"));
        CHECK(told.text().find_first_not_of(" \t\n\r", thoughts.size()) == told.text().size() - 2);
        CHECK(told.finish == Finish::complete);
    }
    const auto never = said("no marker here", {.grammar = grammar, .grammar_after = "</think>"});
    CHECK((never.text() == "no marker here" && never.finish == Finish::stop_token));
}

TEST_CASE("a grammar no token can go on with, or without a tokenizer, is an error that says so", "[session][grammar]") {
    Scripted scripted({}, std::vector<Token>(8, eos));
    CHECK(outcome_of([&] { (void)scripted.session.generate({.grammar_after = "x"}); }).says("grammar_after: given without a grammar"));
    test::FakeModel mute;
    auto session = mute.session();
    session.append(std::vector<Token>{1});
    const auto grammar = Grammar::from_rules("root ::= \"a\"");
    CHECK(outcome_of([&] { (void)session.generate({.grammar = grammar}); }).says("the model has no tokenizer"));
    scripted.fake.network->make_logits = [](std::span<float> logits, std::uint64_t) {
        std::ranges::fill(logits, -std::numeric_limits<float>::infinity());
        logits[static_cast<std::size_t>('b') + 1] = 0;
    };
    scripted.session.rewind(1);
    auto generation = scripted.session.generate({.grammar = grammar});
    CHECK(outcome_of([&] { (void)generation.next(); }).says("all that are allowed are -inf or NaN"));
    CHECK(scripted.session.length() == 1);
}
