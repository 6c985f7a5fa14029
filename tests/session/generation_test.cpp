#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/session.hpp"
#include "session/scripted_model.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using rorqual::test::bytes;
using rorqual::test::eos;
using rorqual::test::FakeModel;
using rorqual::test::outcome_of;
using rorqual::test::Scripted;
using rorqual::test::tell;
using rorqual::test::tokenizer_of;
using rorqual::test::Told;

namespace {

std::vector<Token> operator+(std::vector<Token> a, const std::vector<Token>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
}

}  // namespace

TEST_CASE("a generation ends at the model's stop token, which has no text and is part of the timeline", "[session][generation]") {
    Scripted s({}, bytes("abc") + std::vector<Token>{eos} + bytes("never"));
    const auto told = tell(s.session.generate());
    CHECK(told.tokens == bytes("abc") + std::vector<Token>{eos});
    CHECK(told.texts == std::vector<std::string>{"a", "b", "c", ""});
    CHECK(told.finish == Finish::stop_token);
    CHECK(std::ranges::equal(s.session.tokens(), std::vector<Token>{10, 11} + told.tokens));
}

TEST_CASE("a generation ends at the caller's stop tokens, special or not", "[session][generation]") {
    Scripted s({}, bytes("abc,never"));
    const auto told = tell(s.session.generate({.stop_tokens = {44 + 1, 7}}));
    CHECK(told.tokens == bytes("abc,"));
    CHECK(told.text() == "abc");
    CHECK(told.finish == Finish::stop_token);
}

TEST_CASE("ignore_eos goes on after the model's stop tokens, not after the caller's", "[session][generation]") {
    Scripted s({}, bytes("a") + std::vector<Token>{eos} + bytes("b;never"));
    const auto told = tell(s.session.generate({.stop_tokens = {59 + 1}, .ignore_eos = true}));
    CHECK(told.text() == "ab");
    CHECK(told.finish == Finish::stop_token);
}

TEST_CASE("special tokens are in the text only when asked for", "[session][generation]") {
    const bool special = GENERATE(false, true);
    Scripted s({}, bytes("a") + std::vector<Token>{eos} + bytes("b"));
    CHECK(tell(s.session.generate({.limit = 3, .ignore_eos = true, .special = special})).text() == (special ? "a<eos>b" : "ab"));
}

TEST_CASE("a generation ends at its limit", "[session][generation]") {
    Scripted s({}, bytes("abcdef"));
    const auto told = tell(s.session.generate({.limit = 3}));
    CHECK(told.text() == "abc");
    CHECK(told.finish == Finish::limit);
    CHECK(s.session.length() == 5);
}

TEST_CASE("a stop token at the limit is a stop token", "[session][generation]") {
    Scripted s({}, bytes("ab") + std::vector<Token>{eos});
    CHECK(tell(s.session.generate({.limit = 3})).finish == Finish::stop_token);
}

TEST_CASE("a stop string is found over every split into tokens, and what comes before it is told", "[session][generation]") {
    const std::string text = "one stop two";
    for (std::size_t i = 1; i < text.size() - 1; ++i) {
        for (std::size_t k = i + 1; k < text.size(); ++k) {
            const std::vector<std::string> pieces{text.substr(0, i), text.substr(i, k - i), text.substr(k)};
            std::vector<std::string> longer;  // single bytes have their tokens already
            std::vector<Token> script;
            for (const auto& piece : pieces) {
                if (piece.size() > 1) longer.push_back(piece);
                script.push_back(piece.size() > 1 ? 256 + static_cast<Token>(longer.size()) : bytes(piece)[0]);
            }
            Scripted s(longer, script);
            const auto told = tell(s.session.generate({.limit = 3, .stop_strings = {"never", "stop"}}));
            CAPTURE(i, k);
            CHECK(told.text() == "one ");
            CHECK(told.finish == Finish::stop_string);
            const std::size_t needed = i >= 8 ? 1 : k >= 8 ? 2
                                                           : 3;
            CHECK(told.tokens.size() == needed);
            CHECK(s.session.length() == 2 + needed);
        }
    }
}

TEST_CASE("text that turns out to be no stop string is told in the end", "[session][generation]") {
    Scripted s({}, bytes("a sto!") + bytes(" sto"));
    const auto told = tell(s.session.generate({.limit = 10, .stop_strings = {"stop"}}));
    CHECK(told.texts == std::vector<std::string>{"a", " ", "", "", "", "sto!", " ", "", "", "sto"});
    CHECK(told.finish == Finish::limit);
}

TEST_CASE("text held back comes out with a stop token", "[session][generation]") {
    Scripted s({}, bytes("sto") + std::vector<Token>{eos});
    const auto told = tell(s.session.generate({.stop_strings = {"stop"}}));
    CHECK(told.texts == std::vector<std::string>{"", "", "", "sto"});
}

TEST_CASE("a character is never split, and half of one comes out as U+FFFD in the end", "[session][generation]") {
    const std::string e_acute = "\xC3\xA9", smile = "\xF0\x9F\x98\x80", unknown = "\xEF\xBF\xBD";
    Scripted s({}, bytes(e_acute + smile + "\xF0\x9F"));
    const auto told = tell(s.session.generate({.limit = 8}));
    CHECK(told.texts == std::vector<std::string>{"", e_acute, "", "", "", smile, "", unknown});
}

TEST_CASE("a stop string may end inside a token and consist of whole characters", "[session][generation]") {
    Scripted s({"b\xC3",
                "\xA9"
                "cd"},
               std::vector<Token>{257, 258} + bytes("x"));
    const auto told = tell(s.session.generate({.limit = 3, .stop_strings = {"\xC3\xA9"
                                                                            "c"}}));
    CHECK(told.text() == "b");
    CHECK(told.finish == Finish::stop_string);
    CHECK(told.tokens.size() == 2);
}

TEST_CASE("ids beyond the tokenizer's are tokens without text", "[session][generation]") {
    Scripted s({}, bytes("a") + std::vector<Token>{257, 259} + bytes("b"));
    const auto told = tell(s.session.generate({.limit = 4}));
    CHECK(told.text() == "ab");
    CHECK(told.tokens == s.script);
}

TEST_CASE("a full context ends a generation with a piece", "[session][generation]") {
    const FakeModel fake;
    auto session = fake.session(16, 6);
    session.append(std::vector<Token>{1, 2, 3});
    const auto told = tell(session.generate({.ignore_eos = true}));
    CHECK(told.tokens.size() == 3);
    CHECK(told.finish == Finish::context_full);
    CHECK(session.length() == 6);
    (void)session.logits();  // the last one can still be evaluated

    auto generation = session.generate();
    const auto piece = generation.next();
    REQUIRE(piece);
    CHECK(piece->token == -1);
    CHECK(piece->text.empty());
    CHECK(piece->finish == Finish::context_full);
    CHECK_FALSE(generation.next());
}

TEST_CASE("a checkpoint without a tokenizer generates tokens without text", "[session][generation]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    const auto told = tell(session.generate({.limit = 9, .ignore_eos = true}));
    CHECK(told.tokens.size() == 9);
    CHECK(told.text().empty());
    CHECK(outcome_of([&] { (void)session.generate({.stop_strings = {"x"}}); }).status == Status::wrong_state);
}

TEST_CASE("greedy tokens are those of the largest logits of fresh sessions, with their log-probabilities", "[session][generation]") {
    const FakeModel fake(GENERATE(false, true));
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    std::vector<Token> timeline{1, 2, 3};
    auto generation = session.generate({.limit = 12, .ignore_eos = true});
    while (const auto piece = generation.next()) {
        const auto logits = fake.fresh(timeline);
        CHECK(piece->token == std::ranges::max_element(logits) - logits.begin());
        CHECK(piece->logprob == Sampler({}, 50).sample(logits, {}, 0).logprob);
        timeline.push_back(piece->token);
        CHECK(std::ranges::equal(session.tokens(), timeline));
    }
    const auto logits = session.logits();
    CHECK(std::vector<float>(logits.begin(), logits.end()) == fake.fresh(timeline));
}

TEST_CASE("the same seed gives the same tokens, also after a rewind and from anywhere in between", "[session][generation]") {
    const FakeModel fake;
    const GenerateOptions options{.sampling = {.temperature = 1.5f, .top_p = 0.95f, .repetition_penalty = 1.2f, .seed = 42}, .limit = 30, .ignore_eos = true};
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    const auto first = tell(session.generate(options)).tokens;
    for (const std::size_t from : {3, 4, 17, 32}) {
        session.rewind(from);
        auto again = options;
        again.limit = 33 - from;
        const auto rest = tell(session.generate(again)).tokens;
        CHECK(std::ranges::equal(rest, std::span(first).subspan(from - 3)));
    }
    auto other = options;
    other.sampling.seed = 43;
    session.rewind(3);
    CHECK(tell(session.generate(other)).tokens != first);
}

TEST_CASE("a generation that is dropped early leaves its tokens in the timeline", "[session][generation]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    {
        auto generation = session.generate({.ignore_eos = true});
        for (int i = 0; i < 4; ++i) CHECK(generation.next());
    }
    CHECK(session.length() == 7);
    session.append(std::vector<Token>{4});
    const auto logits = session.logits();
    CHECK(std::vector<float>(logits.begin(), logits.end()) == fake.fresh(session.tokens()));
}

TEST_CASE("a generation and its session can be moved", "[session][generation]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    auto generation = session.generate({.limit = 3, .ignore_eos = true});
    CHECK(generation.next());
    Session elsewhere = std::move(session);
    Generation moved = std::move(generation);
    CHECK(moved.next());
    CHECK(moved.next()->finish == Finish::limit);
    CHECK(elsewhere.length() == 6);
}

TEST_CASE("generation options out of range are refused by name", "[session][generation]") {
    Scripted s({}, bytes("abc"));
    const auto refused = [&](const GenerateOptions& options, const char* name) {
        const auto outcome = outcome_of([&] { (void)s.session.generate(options); });
        CAPTURE(name, outcome.line);
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(name));
    };
    refused({.sampling = {.temperature = -1}}, "temperature");
    refused({.stop_tokens = {1, -1}}, "stop_tokens");
    refused({.stop_tokens = {260}}, "stop_tokens");
    refused({.stop_strings = {"x", ""}}, "stop_strings");
    refused({.stop_strings = {"\xFF"}}, "stop_strings");
}

TEST_CASE("a model without a finite logit is an error that leaves the timeline as it was", "[session][generation]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2});
    auto generation = session.generate();
    CHECK(generation.next());
    fake.network->make_logits = [](std::span<float> logits, std::uint64_t) { std::ranges::fill(logits, std::numeric_limits<float>::quiet_NaN()); };
    CHECK(outcome_of([&] { (void)generation.next(); }).status == Status::invalid_argument);
    CHECK(session.length() == 3);
    session.rewind(2);
    fake.network->make_logits = nullptr;
    const auto logits = session.logits();
    CHECK(std::vector<float>(logits.begin(), logits.end()) == fake.fresh(session.tokens()));
}
