// Pulling tokens through the C interface.
#define RQ_ENABLE_UNSTABLE
#include <cmath>
#include <limits>
#include <set>

#include "capi/support.hpp"

using namespace rorqual::test;

namespace {

SessionHandle prompted() {
    auto session = small_session();
    append(session.get(), prompt_ids());
    return session;
}

Generated generate(const rq_generation_options& options) { return take_all(generate_on(prompted().get(), &options).get()); }

std::vector<std::int32_t> greedy(std::size_t count) {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = count;
    options.ignore_stop_tokens = 1;
    return generate(options).tokens;
}

}  // namespace

TEST_CASE("a generation ends with a piece that says why, and says it again when asked", "[capi][generation]") {
    const auto session = prompted();
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 3;
    options.ignore_stop_tokens = 1;
    const auto generation = generate_on(session.get(), &options);
    const auto all = take_all(generation.get());
    CHECK(all.finish == RQ_FINISH_LIMIT);
    CHECK(all.tokens.size() == 3);
    for (int again = 0; again < 3; ++again) {
        rq_piece piece = RQ_PIECE_INIT;
        Err err;
        must(rq_generation_next(generation.get(), &piece, &err), err);
        CHECK(piece.token == -1);
        CHECK(piece.finish == RQ_FINISH_LIMIT);
        CHECK(piece.text_len == 0);
        CHECK(piece.text != nullptr);
    }
}

TEST_CASE("greedy generation takes the largest logit each time and tells its probability", "[capi][generation]") {
    const auto session = prompted();
    const auto by_hand = prompted();
    const auto generation = generate_on(session.get());
    for (int i = 0; i < 8; ++i) {
        rq_piece piece = RQ_PIECE_INIT;
        Err err;
        must(rq_generation_next(generation.get(), &piece, &err), err);
        const auto logits = logits_of(by_hand.get());
        const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
        REQUIRE(piece.token == best);
        double sum = 0;
        for (const float l : logits) sum += std::exp(static_cast<double>(l) - logits[static_cast<std::size_t>(best)]);
        CHECK(std::exp(piece.logprob) * sum == Approx(1));
        append(by_hand.get(), {piece.token});
    }
}

TEST_CASE("the text of all pieces is the text of all tokens", "[capi][generation]") {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 40;
    options.ignore_stop_tokens = 1;
    options.special = 1;
    const auto all = generate(options);
    rq_tokenizer* made = nullptr;
    Err err;
    must(rq_model_tokenizer(tale(), &made, &err), err);
    const TokenizerHandle tokenizer(made);
    CHECK(all.text == out_text([&](auto... to) {
              return rq_tokenizer_decode(tokenizer.get(), all.tokens.data(), all.tokens.size(), RQ_DECODE_SPECIAL, to...);
          }));
}

TEST_CASE("the same seed draws the same tokens, another seed others", "[capi][generation]") {
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    sampling.temperature = 1;
    sampling.top_p = 0.95F;
    sampling.seed = 7;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.sampling = &sampling;
    options.limit = 24;
    options.ignore_stop_tokens = 1;
    const auto first = generate(options).tokens;
    CHECK(generate(options).tokens == first);
    sampling.seed = 8;
    CHECK(generate(options).tokens != first);
    CHECK(first != greedy(24));
}

TEST_CASE("a stop token ends a generation with itself", "[capi][generation]") {
    const auto expected = greedy(6);
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.stop_tokens = &expected[3];
    options.stop_token_count = 1;
    options.ignore_stop_tokens = 1;
    const auto all = generate(options);
    CHECK(all.finish == RQ_FINISH_STOP_TOKEN);
    const auto first = std::find(expected.begin(), expected.end(), expected[3]);
    CHECK(all.tokens == std::vector<std::int32_t>(expected.begin(), first + 1));
}

TEST_CASE("a stop string ends a generation and is not part of its text", "[capi][generation]") {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 60;
    options.ignore_stop_tokens = 1;
    const std::string whole = generate(options).text;
    const std::string stop = whole.substr(20, 9);  // somewhere across tokens
    const std::string never = "\u2603 never told";
    const char* const stops[] = {never.c_str(), stop.c_str()};
    const std::size_t lens[] = {never.size(), stop.size()};
    options.stop_strings = stops;
    options.stop_string_count = 2;
    options.stop_string_lens = GENERATE(true, false) ? &lens[0] : nullptr;
    const auto all = generate(options);
    CHECK(all.finish == RQ_FINISH_STOP_STRING);
    CHECK(all.text == whole.substr(0, whole.find(stop)));
}

TEST_CASE("a token with a bias of minus infinity is never drawn", "[capi][generation]") {
    const auto expected = greedy(1);
    const float never = -std::numeric_limits<float>::infinity();
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
    sampling.bias_tokens = &expected[0];
    sampling.bias_values = &never;
    sampling.bias_count = 1;
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.sampling = &sampling;
    options.limit = 20;
    options.ignore_stop_tokens = 1;
    const auto tokens = generate(options).tokens;
    CHECK(std::find(tokens.begin(), tokens.end(), expected[0]) == tokens.end());
}

TEST_CASE("a generation ends when the session is full", "[capi][generation]") {
    rq_session_options room = RQ_SESSION_OPTIONS_INIT;
    room.context = 12;
    const auto session = session_on(tale(), &room);
    append(session.get(), prompt_ids());
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.ignore_stop_tokens = 1;
    const auto all = take_all(generate_on(session.get(), &options).get());
    CHECK(all.finish == RQ_FINISH_CONTEXT_FULL);
    CHECK(length_of(session.get()) <= 12);
}

TEST_CASE("while a generation is under way its session can be read and cancelled, but not changed", "[capi][generation]") {
    const auto session = prompted();
    auto generation = generate_on(session.get());
    rq_piece piece = RQ_PIECE_INIT;
    Err err;
    must(rq_generation_next(generation.get(), &piece, &err), err);
    CHECK(length_of(session.get()) > 0);
    const std::int32_t id = 5;
    rq_session* fork = nullptr;
    rq_generation* second = nullptr;
    const float* logits = nullptr;
    std::size_t count = 0;
    CHECK(rq_session_append(session.get(), &id, 1, nullptr, 0, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_sync(session.get(), &id, 1, nullptr, nullptr, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_rewind(session.get(), 0, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_fork(session.get(), &fork, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_logits(session.get(), &logits, &count, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_session_observe(session.get(), nullptr, &err) == RQ_ERR_WRONG_STATE);
    CHECK(rq_generation_create(session.get(), nullptr, &second, &err) == RQ_ERR_WRONG_STATE);
    CHECK(second == nullptr);
    generation.reset();
    append(session.get(), {5});

    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 2;
    const auto ended = generate_on(session.get(), &options);
    take_all(ended.get());
    append(session.get(), {5});  // over, though not freed
}

TEST_CASE("a cancelled generation goes on where it was", "[capi][generation][cancel]") {
    const auto expected = greedy(10);
    const auto session = prompted();
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 10;
    options.ignore_stop_tokens = 1;
    const auto generation = generate_on(session.get(), &options);
    std::vector<std::int32_t> tokens;
    rq_piece piece = RQ_PIECE_INIT;
    Err err;
    int cancelled = 0;
    do {
        if (tokens.size() % 3 == 1 && cancelled < static_cast<int>(tokens.size())) rq_session_cancel(session.get());
        const std::int32_t status = rq_generation_next(generation.get(), &piece, &err);
        if (status == RQ_ERR_CANCELLED) {
            ++cancelled;
            CHECK(piece.token == -1);
            CHECK(piece.finish == RQ_FINISH_NONE);
            continue;
        }
        must(status, err);
        tokens.push_back(piece.token);
    } while (piece.finish == RQ_FINISH_NONE);
    CHECK(cancelled > 0);
    CHECK(tokens == expected);
}

TEST_CASE("a generation cannot start on an empty timeline", "[capi][generation]") {
    const auto session = small_session();
    rq_generation* generation = nullptr;
    Err err;
    CHECK(rq_generation_create(session.get(), nullptr, &generation, &err) == RQ_ERR_WRONG_STATE);
    append(session.get(), {0});
    CHECK(rq_generation_create(session.get(), nullptr, &generation, &err) == RQ_OK);
    rq_generation_free(generation);
}

TEST_CASE("generation options out of range are refused", "[capi][generation]") {
    const auto session = prompted();
    const auto refused = [&](auto set) {
        rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
        rq_generation_options o = RQ_GENERATION_OPTIONS_INIT;
        o.sampling = &sampling;
        set(o, sampling);
        rq_generation* generation = nullptr;
        Err err;
        CHECK(rq_generation_create(session.get(), &o, &generation, &err) == RQ_ERR_INVALID_ARGUMENT);
        CAPTURE(err.message);
        CHECK(std::string(err.message).size() > 10);
        CHECK(generation == nullptr);
        append(session.get(), {5});  // and no generation is under way
    };
    const float nan = std::numeric_limits<float>::quiet_NaN();
    refused([&](auto&, auto& s) { s.temperature = nan; });
    refused([&](auto&, auto& s) { s.temperature = -1; });
    refused([&](auto&, auto& s) { s.top_k = -1; });
    refused([&](auto&, auto& s) { s.top_p = 1.5F; });
    refused([&](auto&, auto& s) { s.min_p = nan; });
    refused([&](auto&, auto& s) { s.repetition_penalty = -2; });
    refused([&](auto&, auto& s) { s.presence_penalty = nan; });
    refused([&](auto&, auto& s) { s.penalty_window = -1; });
    refused([&](auto&, auto& s) { s.reserved_pointer = &s; });
    refused([&](auto&, auto& s) { s.bias_count = 1; });
    refused([&](auto& o, auto&) { o.reserved = 1; });
    refused([&](auto& o, auto&) { o.special = 2; });
    refused([&](auto& o, auto&) { o.ignore_stop_tokens = 2; });
    refused([&](auto& o, auto&) { o.limit = UINT64_MAX; });
    refused([&](auto& o, auto&) { o.stop_token_count = 1; });
    refused([&](auto& o, auto&) { o.stop_string_count = 1; });
    refused([&](auto& o, auto&) { o.stop_token_count = SIZE_MAX; o.stop_tokens = reinterpret_cast<const std::int32_t*>(&o); });
}

TEST_CASE("a generation writes what a schema or rules admit, and says when that is whole", "[capi][generation]") {
    const auto model = tale();
    const auto made = [](auto* from, const std::string& text) {
        rq_grammar* grammar = nullptr;
        Err err;
        must(from(text.data(), text.size(), &grammar, &err), err);
        return GrammarHandle(grammar);
    };
    const auto write = [&](const rq_grammar* grammar, const char* after) {
        const auto session = session_on(model);
        append(session.get(), {0, 300, 400});
        rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
        options.grammar = grammar;
        options.grammar_after = after;
        options.limit = 200;
        return take_all(generate_on(session.get(), &options).get());
    };
    const auto schema = made(rq_grammar_from_json_schema, R"({"type": "object", "properties": {"who": {"enum": ["king", "queen"]}}, "required": ["who"]})");
    const auto told = write(schema.get(), nullptr);
    CHECK((told.text == R"({"who": "king"})" || told.text == R"({"who": "queen"})" || told.text.find("\"who\"") != std::string::npos));
    CHECK(told.text.back() == '}');
    CHECK(told.finish == RQ_FINISH_COMPLETE);
    const auto rules = made(rq_grammar_from_rules, "root ::= [0-9]{7}");
    const auto number = write(rules.get(), nullptr);
    CHECK((number.text.size() == 7 && number.text.find_first_not_of("0123456789") == std::string::npos));
    const auto free = write(nullptr, nullptr);
    REQUIRE(free.text.size() > 40);
    const auto marker = free.text.substr(20, 6);
    const auto behind = write(rules.get(), marker.c_str());
    CHECK(behind.text.find(marker) != std::string::npos);
    CHECK(behind.text.find_last_not_of("0123456789") + 8 == behind.text.size());
}

TEST_CASE("a grammar that cannot be read is refused with its place", "[capi][generation]") {
    rq_grammar* grammar = nullptr;
    Err err;
    CHECK(rq_grammar_from_rules("root ::= \"a", 11, &grammar, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(err.says("line 1, column 10"));
    CHECK(rq_grammar_from_json_schema(R"({"pattern": "a"})", 16, &grammar, &err) == RQ_ERR_UNSUPPORTED);
    CHECK(err.says("pattern"));
    CHECK(grammar == nullptr);
}
