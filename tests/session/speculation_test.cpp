// Guesses ahead of a generation: the tokens are those it would have without.
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "session/pace.hpp"
#include "session/prompt_lookup.hpp"
#include "support/effort.hpp"
#include "support/gguf_model.hpp"
#include "support/outcome.hpp"
#include "support/temp_folder.hpp"
#include "support/v4_draft_checkpoint.hpp"

using namespace rorqual;
using test::Golden;

namespace {

const std::filesystem::path checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";
const std::filesystem::path v3 = checkpoints / "v3";

struct Written {
    std::vector<Token> tokens;
    std::vector<float> logprobs;
    friend bool operator==(const Written&, const Written&) = default;
};

Written write(Session& session, std::size_t limit, const SamplingOptions& sampling = {}) {
    Written written;
    auto generation = session.generate({.sampling = sampling, .limit = limit, .ignore_eos = true});
    while (const auto piece = generation.next()) {
        written.tokens.push_back(piece->token);
        written.logprobs.push_back(piece->logprob);
    }
    return written;
}

// Random, but repeating themselves here and there, as texts do.
std::vector<Token> prompt(std::uint32_t seed, std::size_t length, Token vocab) {
    std::vector<Token> tokens;
    while (tokens.size() < length) {
        seed = seed * 1664525 + 1013904223;
        if (seed >> 30 == 0 && tokens.size() > 8) {
            const std::size_t from = (seed >> 8) % (tokens.size() - 4);
            for (std::size_t i = 0; i < 4; ++i) tokens.push_back(tokens[from + i]);
        } else {
            tokens.push_back(static_cast<Token>((seed >> 8) % static_cast<std::uint32_t>(vocab)));
        }
    }
    tokens.resize(length);
    return tokens;
}

std::vector<Drafting> drafters(const Model& model) {
    std::vector<Drafting> all = {Drafting::lookup};
    if (model.has_draft_head()) all.push_back(Drafting::head);
    return all;
}

std::vector<std::filesystem::path> with_a_family() {
    std::vector<std::filesystem::path> folders = {test::v4_with_draft_folder()};
    for (const auto& root : {checkpoints, std::filesystem::path(RQ_SHARED_DIR) / "golden/checkpoints"}) {
        if (!std::filesystem::exists(root)) continue;
        for (const auto& entry : std::filesystem::directory_iterator(root)) {
            try {
                (void)Model::open(Source::path(entry.path()), {.headers_only = true});
                folders.push_back(entry.path());
            } catch (const Error&) {  // families to come, and folders that are none
            }
        }
    }
    return folders;
}

std::vector<std::filesystem::path> with_draft_heads() { return {v3, test::v4_with_draft_folder()}; }

}  // namespace

TEST_CASE("greedy generations write the same tokens with guesses and without, in every family and mode", "[session][speculation][golden]") {
    constexpr std::uint32_t repeats = test::repeats(30);
    std::size_t prompts = 0;
    std::uint64_t guesses = 0, kept = 0;
    for (const auto& folder : with_a_family()) {
        const auto model = Model::open(Source::path(folder), {.threads = 2});
        const auto vocab = static_cast<Token>(model->geometry().vocab_size);
        for (const Mode mode : {Mode::exact, Mode::fast}) {
            for (const Drafting drafting : drafters(*model)) {
                for (std::uint32_t seed = 0; seed < repeats; ++seed) {
                    const auto tokens = prompt(seed, 4 + seed % 23, vocab);
                    const auto cache = model->has_compact_cache() && seed % 2 == 1 ? CacheFormat::compact : CacheFormat::automatic;
                    auto plain = model->session({.context = 128, .cache = cache, .mode = mode});
                    auto guessing = model->session({.context = 128, .cache = cache, .mode = mode, .drafting = drafting});
                    plain.append(tokens);
                    guessing.append(tokens);
                    CAPTURE(folder.filename(), static_cast<int>(mode), static_cast<int>(drafting), seed);
                    const auto expected = write(plain, 16), got = write(guessing, 16);
                    REQUIRE(got.tokens == expected.tokens);
                    guesses += guessing.metrics().guesses;
                    kept += guessing.metrics().kept_guesses;
                    ++prompts;
                }
            }
        }
    }
    WARN(prompts << " prompts, " << kept << " of " << guesses << " guesses held");
    CHECK(prompts >= 14 * repeats);
    CHECK(guesses > prompts / 4);  // there was something to get wrong; how much, the clock decides
    CHECK(kept > prompts / 8);
}

TEST_CASE("sampled generations write the same tokens with the same probabilities, with guesses and without", "[session][speculation]") {
    const auto model = Model::open(Source::path(v3), {.threads = 2});
    for (const Drafting drafting : drafters(*model)) {
        for (std::uint32_t seed = 0; seed < test::repeats(60); ++seed) {
            SamplingOptions sampling{.temperature = 0.25f * static_cast<float>(seed % 5), .seed = seed};
            if (seed % 3 == 1) sampling.top_k = 12, sampling.top_p = 0.9f;
            if (seed % 4 == 2) sampling.repetition_penalty = 1.3f, sampling.penalty_window = 16;
            const auto tokens = prompt(seed, 12, 320);
            auto plain = model->session(), guessing = model->session({.drafting = drafting, .draft_tokens = 1 + seed % 15});
            plain.append(tokens);
            guessing.append(tokens);
            CAPTURE(static_cast<int>(drafting), seed);
            REQUIRE(write(plain, 40, sampling) == write(guessing, 40, sampling));
            CHECK(std::ranges::equal(plain.tokens(), guessing.tokens()));
            const auto last = plain.logits(), same = guessing.logits();
            CHECK(std::ranges::equal(last, same));
        }
    }
}

TEST_CASE("quantised models in mode fast write the same tokens with the same probabilities, with guesses and without", "[session][speculation][fast]") {
    const test::TempFolder folder;
    std::uint64_t kept = 0;
    for (const DType dtype : {DType::q8_0, DType::q4_k, DType::q6_k, DType::iq4_nl}) {
        auto file = test::gguf_of(std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale");
        file.encode(dtype);
        const auto model = Model::open(Source::path(folder.write("tale.gguf", file.file())), {.threads = 2});
        REQUIRE(model->default_mode() == Mode::fast);
        for (std::uint64_t seed = 0; seed < test::repeats(12); ++seed) {
            const SamplingOptions sampling{.temperature = seed % 2 == 0 ? 0.0f : 0.6f, .seed = seed};
            const auto tokens = model->encode_prompt("Once upon a time there was a king, and the king had a daughter, and the daughter of the king had " + std::to_string(seed));
            auto plain = model->session(), guessing = model->session({.drafting = Drafting::lookup});
            plain.append(tokens);
            guessing.append(tokens);
            CAPTURE(name(dtype), seed);
            REQUIRE(write(plain, 60, sampling) == write(guessing, 60, sampling));
            kept += guessing.metrics().kept_guesses;
        }
    }
    CHECK(kept > test::repeats(100));
}

TEST_CASE("what is drawn behind guesses follows the model's distribution", "[session][speculation]") {
    const auto model = Model::open(Source::path(v3), {.threads = 1});
    const std::vector<Token> tokens = {5, 6, 7, 8, 5, 6, 7};  // a lookup guesses 8, 5, 6 …
    const float temperature = 0.7f;
    for (const Drafting drafting : drafters(*model)) {
        auto session = model->session({.drafting = drafting});
        session.append(tokens);
        // The second token, given the first: what was evaluated together with a guess. One first token is looked at.
        const auto probabilities = [&](std::span<const float> logits) {
            std::vector<double> p(logits.begin(), logits.end());
            const double peak = *std::ranges::max_element(p);
            double sum = 0;
            for (double& x : p) sum += x = std::exp((x - peak) / static_cast<double>(temperature));
            for (double& x : p) x /= sum;
            return p;
        };
        const auto first = probabilities(session.logits());
        const auto likeliest = static_cast<Token>(std::ranges::max_element(first) - first.begin());
        std::map<Token, int> seen;
        int draws = 0;
        for (std::uint64_t seed = 0; seed < 6000; ++seed) {
            session.rewind(tokens.size());
            auto generation = session.generate({.sampling = {.temperature = temperature, .seed = seed}, .limit = 8, .ignore_eos = true});
            (void)generation.next();
            if (session.tokens().back() != likeliest) continue;
            ++draws;
            ++seen[generation.next()->token];
        }
        REQUIRE(draws > 200);
        session.rewind(tokens.size());
        session.append(std::vector{likeliest});
        const auto expected = probabilities(session.logits());
        // Pearson's statistic over the tokens expected five times or more, the others together.
        double statistic = 0, rest_expected = draws, rest_seen = draws;
        int cells = 0;
        for (std::size_t t = 0; t < expected.size(); ++t) {
            const double often = expected[t] * draws;
            if (often < 5) continue;
            const int n = seen[static_cast<Token>(t)];
            statistic += (n - often) * (n - often) / often;
            rest_expected -= often, rest_seen -= n;
            ++cells;
        }
        if (rest_expected >= 5) statistic += (rest_seen - rest_expected) * (rest_seen - rest_expected) / rest_expected, ++cells;
        const double freedom = cells - 1;
        // Wilson and Hilferty: the statistic that one run of 10 000 exceeds.
        const double bound = freedom * std::pow(1 - 2 / (9 * freedom) + 3.72 * std::sqrt(2 / (9 * freedom)), 3);
        CAPTURE(static_cast<int>(drafting), draws, cells, statistic, bound);
        CHECK(cells >= 3);
        CHECK(statistic < bound);
    }
}

TEST_CASE("a session that ran ahead rewinds, forks, syncs and continues as if it had not", "[session][speculation]") {
    const auto model = Model::open(Source::path(GENERATE(from_range(with_draft_heads()))), {.threads = 2});
    const std::size_t length = GENERATE(20, 118);  // also over the end of a page
    for (const Drafting drafting : drafters(*model)) {
        for (std::size_t drawn = 1; drawn <= 12; ++drawn) {
            CAPTURE(static_cast<int>(drafting), drawn);
            const auto tokens = prompt(static_cast<std::uint32_t>(drawn), length, 320);
            auto guessing = model->session({.drafting = drafting}), plain = model->session();
            guessing.append(tokens);
            plain.append(tokens);
            const auto leave = [&](Session& session) {  // in the middle of a generation
                auto generation = session.generate({.limit = 40, .ignore_eos = true});
                for (std::size_t i = 0; i < drawn; ++i) (void)generation.next();
            };
            leave(guessing);
            leave(plain);
            auto fork = guessing.fork();
            CHECK(std::ranges::equal(fork.tokens(), plain.tokens()));
            CHECK(std::ranges::equal(fork.logits(), plain.logits()));
            auto back = guessing.fork(), plain_back = plain.fork(), on = plain.fork();
            back.rewind(back.length() - 1);
            plain_back.rewind(plain_back.length() - 1);
            CHECK(std::ranges::equal(back.logits(), plain_back.logits()));
            CHECK(write(fork, 30) == write(on, 30));
            std::vector<Token> other(tokens.begin(), tokens.end() - 3);
            other.push_back(9);
            const auto report = guessing.sync(other);
            CHECK(report.kept + report.evaluated == other.size());
            plain.sync(other);
            CHECK(std::ranges::equal(guessing.logits(), plain.logits()));
            CHECK(write(guessing, 30) == write(plain, 30));
        }
    }
}

TEST_CASE("a generation with guesses ends where it would without: limit, full context, stop token", "[session][speculation]") {
    const auto model = Model::open(Source::path(v3));
    const auto tokens = prompt(3, 16, 320);
    for (const Drafting drafting : drafters(*model)) {
        for (const std::size_t limit : {1, 2, 3, 9}) {
            auto session = model->session({.drafting = drafting});
            session.append(tokens);
            CHECK(write(session, limit).tokens.size() == limit);
            CHECK(session.length() == tokens.size() + limit);
        }
        auto plain = model->session({.context = 30}), session = model->session({.context = 30, .drafting = drafting});
        plain.append(tokens);
        session.append(tokens);
        const auto all = write(plain, 0);
        CHECK(write(session, 0) == all);
        CHECK(session.length() == 30);
        session.rewind(tokens.size());
        auto generation = session.generate({.stop_tokens = {all.tokens[5]}, .ignore_eos = true});
        while (const auto piece = generation.next()) {
        }
        CHECK(generation.finish() == Finish::stop_token);
        const auto first = std::ranges::find(all.tokens, all.tokens[5]) - all.tokens.begin();
        CHECK(session.length() == tokens.size() + 1 + static_cast<std::size_t>(first));
    }
}

TEST_CASE("a cancel among guesses leaves the generation where it was", "[session][speculation]") {
    const auto model = Model::open(Source::path(GENERATE(from_range(with_draft_heads()))));
    const auto tokens = prompt(7, GENERATE(16, 118), 320);
    for (const Drafting drafting : drafters(*model)) {
        auto plain = model->session(), session = model->session({.drafting = drafting});
        plain.append(tokens);
        session.append(tokens);
        const auto expected = write(plain, 30);
        auto generation = session.generate({.limit = 30, .ignore_eos = true});
        std::vector<Token> got;
        int cancelled = 0;
        for (int i = 0; got.size() < 30; ++i) {
            if (i % 2 == 1) session.cancel();
            try {
                if (const auto piece = generation.next()) got.push_back(piece->token);
            } catch (const Error& error) {
                REQUIRE(error.status() == Status::cancelled);
                ++cancelled;
            }
        }
        CHECK(got == expected.tokens);
        CHECK(cancelled > 3);
    }
}

TEST_CASE("sessions with guesses plan their buffers, count guesses and refuse what they cannot do", "[session][speculation]") {
    const auto model = Model::open(Source::path(v3));
    for (const Drafting drafting : drafters(*model)) {
        const auto plan = model->plan({.context = 64, .drafting = drafting, .draft_tokens = 5});
        auto session = model->session({.context = 64, .drafting = drafting, .draft_tokens = 5});
        CHECK(session.metrics().scratch_bytes == plan.scratch);
        session.append(std::vector<Token>(12, 7));
        (void)write(session, 40, {.logit_bias = {{7, std::numeric_limits<float>::infinity()}}});  // nothing but sevens
        const auto metrics = session.metrics();
        CHECK(metrics.guesses > 0);
        CHECK(metrics.kept_guesses <= metrics.guesses);
        if (drafting == Drafting::lookup) CHECK(metrics.kept_guesses > 20);
        CHECK(metrics.decode_tokens + metrics.kept_guesses >= 39);  // the first came with the prompt, the last was not evaluated
    }
    const auto refusal = [&](const SessionOptions& options) { return test::outcome_of([&] { (void)model->session(options); }); };
    CHECK(refusal({.drafting = Drafting::lookup, .draft_tokens = 16}).says("draft_tokens: 16, expected 0 to 15"));
    CHECK(refusal({.drafting = static_cast<Drafting>(7)}).says("drafting: 7, expected none, lookup or head"));
    auto narrow = model->session({.chunk = 1, .drafting = Drafting::lookup});  // no room to verify: nothing is guessed
    narrow.append(prompt(1, 16, 320));
    CHECK(write(narrow, 20).tokens.size() == 20);
    CHECK(narrow.metrics().guesses == 0);
}

TEST_CASE("a lookup guesses what followed the longest run that ends the text, the latest of equals", "[session][speculation]") {
    const auto guessed = [](std::vector<Token> tokens, std::size_t room) {
        std::vector<Token> guesses(room);
        guesses.resize(session::look_up(tokens, guesses));
        return guesses;
    };
    CHECK(guessed({}, 3).empty());
    CHECK(guessed({1}, 3).empty());
    CHECK(guessed({1, 2, 3, 4}, 3).empty());
    CHECK(guessed({1, 2, 9, 2}, 3).empty());  // a run of one says nothing
    CHECK(guessed({1, 2, 3, 4, 1, 2}, 2) == std::vector<Token>{3, 4});
    CHECK(guessed({1, 2, 3, 4, 1, 2}, 5) == std::vector<Token>{3, 4, 1, 2, 3});  // it goes on from its own guesses
    CHECK(guessed({1, 2, 7, 1, 2, 8, 1, 2}, 1) == std::vector<Token>{8});
    CHECK(guessed({5, 1, 2, 7, 1, 2, 8, 5, 1, 2}, 1) == std::vector<Token>{7});
    CHECK(guessed({6, 6, 6}, 4) == std::vector<Token>{6, 6, 6, 6});
}

TEST_CASE("guessing grows while it pays, stops while it does not, and tries again", "[session][speculation]") {
    session::Pace cheap(8), dear(8);
    CHECK(cheap.next() == 0);  // what one token takes is measured first
    for (int i = 0; i < 200; ++i) {
        const auto a = cheap.next(), b = dear.next();
        cheap.learn(a, a, 1 + 0.1 * static_cast<double>(a));
        dear.learn(b, 0, 1 + 0.5 * static_cast<double>(b));
    }
    CHECK(cheap.next() == 8);
    int tries = 0;
    for (int i = 0; i < 320; ++i) {
        const auto n = dear.next();
        tries += n > 0;
        dear.learn(n, 0, 1 + 0.5 * static_cast<double>(n));
    }
    CHECK(tries >= 5);
    CHECK(tries <= 20);
    int warm = 0;  // the text changes
    for (int i = 0; i < 400; ++i) {
        const auto n = dear.next();
        dear.learn(n, n, 1 + 0.1 * static_cast<double>(n));
        warm += i >= 300 && n >= 4;
    }
    CHECK(warm > 90);
}
