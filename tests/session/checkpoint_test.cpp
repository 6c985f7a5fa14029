// Sessions on real networks: the reference checkpoints and the story model.

#include <algorithm>
#include <atomic>
#include <cmath>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "support/difference.hpp"
#include "support/effort.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "text/utf8.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using rorqual::test::Golden;
using rorqual::test::outcome_of;
using rorqual::test::reference_checkpoints;

namespace {

const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";

std::string numbered(const char* name, int n) { return std::string(name) + "." + std::to_string(n); }

std::shared_ptr<const Model> open(const std::filesystem::path& folder, std::size_t threads = 2, std::pmr::memory_resource* memory = nullptr) {
    return Model::open(Source::path(folder), {.threads = threads, .memory = memory});
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

/// Logits after each of `tokens`, by a new session.
std::vector<float> every_logit(const Model& model, std::span<const Token> tokens, const SessionOptions& options = {}) {
    auto session = model.session(options);
    std::vector<float> logits(tokens.size() * static_cast<std::size_t>(model.geometry().vocab_size));
    session.append(tokens, logits);
    return logits;
}

std::vector<float> last_logits(const Model& model, std::span<const Token> tokens, const SessionOptions& options = {}) {
    auto session = model.session(options);
    session.append(tokens);
    return copy(session.logits());
}

bool takes(const Model& model, CacheFormat cache) {
    return cache == CacheFormat::int8 ? model.has_int8_cache() : cache != CacheFormat::compact || model.has_compact_cache();
}

std::vector<Token> greedy(Session& session, std::size_t count) {
    std::vector<Token> tokens;
    auto generation = session.generate({.limit = count, .ignore_eos = true});
    while (const auto piece = generation.next()) tokens.push_back(piece->token);
    return tokens;
}

/// Every reference checkpoint whose weights are plain numbers, so that mode exact is the default, one after another.
template <class Body>
void for_each_checkpoint(Body&& body) {
    auto folders = reference_checkpoints();
    std::erase_if(folders, [](const auto& folder) { return folder.filename().string().find("fp") != std::string::npos; });
    REQUIRE(folders.size() >= 3);
    for (const auto& folder : folders) {
        CAPTURE(folder.filename().string());
        body(folder, Golden(folder / "golden.safetensors"));
    }
}

}  // namespace

TEST_CASE("sessions continue the reference prompts with the reference's greedy tokens", "[session][golden]") {
    int continuations = 0;
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto model = open(folder);
        for (const int n : {1, 2, 3}) {
            if (!golden.has(numbered("greedy", n))) continue;
            auto session = model->session();
            session.append(golden.tokens(numbered("input_ids", n)));
            CHECK(greedy(session, 64) == golden.tokens(numbered("greedy", n)));
            ++continuations;
        }
    });
    WARN("greedy continuations of reference checkpoints: " << continuations);
}

TEST_CASE("sessions give the reference's logits after every token, however the prompt is cut", "[session][golden]") {
    const bool reproducible = GENERATE(true, false);
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto model = open(folder);
        for (int n = 0; n < 5; ++n) {
            CAPTURE(n, reproducible);
            const auto prompt = golden.tokens(numbered("input_ids", n));
            const auto expected = golden.floats(numbered("logits", n));
            const auto whole = every_logit(*model, prompt, {.reproducible = reproducible});
            CHECK(test::difference(whole, expected) <= tolerance::logits());
            for (const std::int64_t chunk : {1, 7, 128, 130}) {
                CAPTURE(chunk);
                const auto pieces = every_logit(*model, prompt, {.chunk = chunk, .reproducible = reproducible});
                if (reproducible) {
                    CHECK(pieces == whole);
                } else {
                    CHECK(test::difference(pieces, expected) <= tolerance::logits());
                }
            }
        }
    });
}

TEST_CASE("any split of a prompt into two calls gives the bits of the whole, in every cache format", "[session][golden]") {
    const auto cache = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::int8, CacheFormat::compact);
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto model = open(folder);
        if (!takes(*model, cache)) return;
        const auto prompt = golden.tokens("input_ids.3");
        const auto whole = last_logits(*model, prompt, {.cache = cache});
        for (const auto first : test::variants<std::size_t>({1, 2, 63, 64, 120, 126, 127, 128})) {
            CAPTURE(first);
            auto session = model->session({.cache = cache});
            session.append(std::span(prompt).first(first));
            session.append(std::span(prompt).subspan(first));
            CHECK(copy(session.logits()) == whole);
        }
    });
}

TEST_CASE("rewind, fork and sync around the end of a page give the bits of a fresh session", "[session][golden]") {
    const auto cache = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::int8, CacheFormat::compact);
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto model = open(folder);
        if (!takes(*model, cache)) return;
        const SessionOptions options{.cache = cache};
        const auto prompt = golden.tokens("input_ids.4");
        const auto other = golden.tokens("input_ids.3");
        auto session = model->session(options);
        session.append(std::span(prompt).first(140));
        for (std::size_t length = 136; length >= 120; length -= 4) {
            CAPTURE(length);
            std::vector<Token> expected(prompt.begin(), prompt.begin() + static_cast<std::ptrdiff_t>(length));
            session.rewind(length);
            CHECK(copy(session.logits()) == last_logits(*model, expected, options));

            auto fork = session.fork();
            const auto left = std::span(prompt).subspan(length, 12), right = std::span(other).first(12);
            for (std::size_t i = 0; i < 12; i += 3) {  // in turn, so that a page written by both would show
                session.append(left.subspan(i, 3));
                fork.append(right.subspan(i, 3));
            }
            expected.insert(expected.end(), right.begin(), right.end());
            CHECK(copy(fork.logits()) == last_logits(*model, expected, options));
            CHECK(copy(session.logits()) == last_logits(*model, std::span(prompt).first(length + 12), options));

            const auto report = session.sync(expected);
            // Compressed caches are cut at beginnings of pages: the first one is the only one behind.
            if (length >= 128 || model->geometry().model_type != "deepseek_v4") CHECK(report.kept >= length);
            CHECK(copy(session.logits()) == last_logits(*model, expected, options));
            session.sync(std::span(prompt).first(140));
        }
    });
}

TEST_CASE("random operations on a real network give the bits of a fresh session", "[session][golden]") {
    const auto folder = reference_checkpoints(GENERATE("v2", "v3", "v32")).front();
    const auto model = open(folder);
    std::mt19937 random(11);
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    const auto vocab = static_cast<std::size_t>(model->geometry().vocab_size);
    auto session = model->session({.context = 300, .chunk = 50});
    std::vector<Token> expected;
    for (int operation = 0; operation < 120; ++operation) {
        const auto add = [&](std::size_t most) {
            std::vector<Token> added(below(std::min<std::size_t>(most, 300 - expected.size()) + 1));
            for (Token& token : added) token = static_cast<Token>(below(vocab));
            expected.insert(expected.end(), added.begin(), added.end());
            return added;
        };
        switch (below(4)) {
            case 0:
                session.append(add(80));
                break;
            case 1:
                expected.resize(expected.size() - below(std::min<std::size_t>(expected.size(), 60) + 1));
                session.rewind(expected.size());
                break;
            case 2:
                expected.resize(expected.size() - below(std::min<std::size_t>(expected.size(), 60) + 1));
                (void)add(40);
                session.sync(expected);
                break;
            default:
                session = session.fork();
        }
        REQUIRE(std::ranges::equal(session.tokens(), expected));
        if (operation % 10 == 9 && !expected.empty()) REQUIRE(copy(session.logits()) == last_logits(*model, expected));
    }
}

TEST_CASE("one thread gives the bits of several, prompt and continuation", "[session][golden]") {
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto prompt = golden.tokens("input_ids.2");
        const auto one = open(folder, 1);
        auto alone = one->session();
        alone.append(prompt);
        const auto logits = copy(alone.logits());
        const auto tokens = greedy(alone, 16);
        for (const std::size_t threads : {2u, 3u}) {
            const auto several = open(folder, threads);
            auto session = several->session();
            session.append(prompt);
            CHECK(copy(session.logits()) == logits);
            CHECK(greedy(session, 16) == tokens);
            CHECK(copy(session.logits()) == copy(alone.logits()));
        }
    });
}

TEST_CASE("sessions of one model on several threads at once do not disturb each other", "[session][golden]") {
    const auto folder = reference_checkpoints("v2").back();
    const auto model = open(folder);
    const Golden golden(folder / "golden.safetensors");
    std::vector<std::vector<float>> expected, got(3);
    for (int n = 0; n < 3; ++n) expected.push_back(last_logits(*model, golden.tokens(numbered("input_ids", n + 2))));
    std::vector<std::thread> threads;
    for (int n = 0; n < 3; ++n) {
        threads.emplace_back([&, n] { got[static_cast<std::size_t>(n)] = last_logits(*model, golden.tokens(numbered("input_ids", n + 2)), {.chunk = 16}); });
    }
    for (auto& thread : threads) thread.join();
    CHECK(got == expected);
}

TEST_CASE("a real session that is cancelled at random moments ends with the right logits", "[session][golden][cancel]") {
    const auto folder = reference_checkpoints("v2").front();
    const auto model = open(folder);
    const auto prompt = Golden(folder / "golden.safetensors").tokens("input_ids.4");
    const auto expected = last_logits(*model, prompt);
    auto session = model->session({.chunk = 20});
    std::atomic<bool> begun = false, done = false;
    std::thread canceller([&] {
        std::mt19937 random(12);
        for (unsigned longest = 30; !done; ++longest) {  // waits ever longer, so that a chunk gets done on the slowest machine too
            session.cancel();
            begun = true;
            std::this_thread::sleep_for(std::chrono::milliseconds(random() % longest));
        }
    });
    while (!begun) std::this_thread::yield();
    int cancels = 0;
    for (int round = 0; round < 3; ++round) {
        session.rewind(static_cast<std::size_t>(round * 40));
        while (session.length() < prompt.size()) {
            const auto outcome = outcome_of([&] { session.sync(prompt); });
            if (outcome.ok()) continue;
            REQUIRE(outcome.status == Status::cancelled);
            REQUIRE(std::ranges::equal(session.tokens(), std::span(prompt).first(session.length())));
            ++cancels;
        }
    }
    done = true;
    canceller.join();
    CHECK(cancels > 0);
    std::vector<float> logits;
    if (!outcome_of([&] { logits = copy(session.logits()); }).ok()) logits = copy(session.logits());  // the last cancel may still be due
    CHECK(logits == expected);
}

TEST_CASE("a real session survives each allocation failing in turn", "[session][golden][memory]") {
    test::CountingMemory memory;
    const auto folder = reference_checkpoints(GENERATE("v2", "v32")).front();
    const auto model = open(folder, 2, &memory);
    const auto prompt = Golden(folder / "golden.safetensors").tokens("input_ids.4");
    const auto expected = last_logits(*model, prompt);
    const std::size_t before = memory.bytes();
    {
        std::optional<Session> session;
        std::optional<Session> fork;
        std::size_t failures = 0;
        const auto insist = [&](auto&& call) { failures += test::each_allocation_fails(memory, call); };
        insist([&] { session.emplace(model->session()); });
        insist([&] { session->sync(std::span(prompt).first(126)); });
        insist([&] { fork.emplace(session->fork()); });
        insist([&] { fork->sync(prompt); });
        insist([&] { session->sync(prompt); });
        CHECK(failures > 10);
        CHECK(copy(session->logits()) == expected);
        CHECK(copy(fork->logits()) == expected);
    }
    CHECK(memory.bytes() == before);
}

TEST_CASE("a session takes the memory that the plan tells", "[session][golden][memory]") {
    for_each_checkpoint([&](const auto& folder, const Golden& golden) {
        const auto model = open(folder);
        const auto prompt = golden.tokens("input_ids.4");
        REQUIRE(prompt.size() == 300);
        for (const std::int64_t chunk : {1, 64, 512}) {
            for (const auto cache : {CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact}) {
                if (!takes(*model, cache)) continue;
                const SessionOptions options{.context = 300, .chunk = chunk, .cache = cache};
                const auto plan = model->plan(options);
                auto session = model->session(options);
                CHECK(session.metrics().scratch_bytes == plan.scratch);
                const bool whole_pages = plan.cache == 3 * 128 * plan.cache_per_token;  // then 257 tokens take as much as 300
                session.append(std::span(prompt).first(chunk == 1 && whole_pages ? 257 : 300));
                CHECK(session.metrics().cache_bytes == plan.cache);
            }
        }
    });
}

TEST_CASE("a checkpoint without a tokenizer generates tokens and answers text calls with an error", "[session][golden]") {
    const auto model = open(reference_checkpoints("v2").front());
    CHECK_FALSE(model->has_tokenizer());
    auto session = model->session();
    session.append(std::vector<Token>{1, 2, 3});
    CHECK(outcome_of([&] { (void)session.generate({.stop_strings = {"."}}); }).status == Status::wrong_state);
    CHECK(greedy(session, 3).size() == 3);
}

TEST_CASE("the story model gives the reference's logits and greedy tokens through a session", "[session][golden][tale]") {
    const auto model = open(tale);
    const Golden golden(tale / "golden.safetensors");
    for (int n = 0; n < 3; ++n) {
        CAPTURE(n);
        const auto prompt = golden.tokens(numbered("input_ids", n));
        const auto expected = golden.floats(numbered("logits", n));  // of the last tokens
        const auto logits = every_logit(*model, prompt);
        CHECK(test::difference(std::span(logits).last(expected.size()), expected) <= tolerance::logits());
        if (!golden.has(numbered("greedy", n))) continue;
        auto session = model->session();
        session.append(prompt);
        CHECK(greedy(session, 64) == golden.tokens(numbered("greedy", n)));
    }
}

TEST_CASE("the story model tells the same story for the same seed, and its text is that of its tokens", "[session][tale]") {
    const auto model = open(tale);
    const auto prompt = model->encode_prompt("Once upon a time");
    GenerateOptions options{.sampling = model->generation_defaults().sampling, .limit = 60, .ignore_eos = true};
    options.sampling.seed = 7;
    const auto tell = [&](const GenerateOptions& with, std::vector<Token>& tokens) {
        auto session = model->session({.chunk = 3});
        session.append(prompt);
        std::string text;
        auto generation = session.generate(with);
        while (const auto piece = generation.next()) {
            text += piece->text;
            tokens.push_back(piece->token);
            CHECK(piece->logprob <= 0);
        }
        CHECK(std::ranges::equal(session.tokens().subspan(prompt.size()), tokens));
        return text;
    };
    std::vector<Token> first, second, other;
    const auto text = tell(options, first);
    CHECK(text == model->tokenizer().decode(first, false));
    CHECK(tell(options, second) == text);
    CHECK(second == first);
    options.sampling.seed = 8;
    CHECK(tell(options, other) != text);

    // Any part of it as a stop string ends the story before that part.
    options.sampling.seed = 7;
    for (std::size_t at = 20; at + 6 < text.size(); at += 41) {
        const auto word = text.substr(at, 6);
        if (text::first_invalid_utf8(word) != std::string::npos) continue;  // half a character
        options.stop_strings = {word};
        std::vector<Token> tokens;
        CHECK(tell(options, tokens) == text.substr(0, text.find(word)));
    }
}
