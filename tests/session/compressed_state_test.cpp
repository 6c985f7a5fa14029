// Sessions of models whose states roll and compress: every way of reaching a text gives the bits of a fresh session.
#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

#include "families/golden_run.hpp"
#include "rorqual/session.hpp"
#include "session/divergence.hpp"
#include "support/effort.hpp"
#include "support/golden.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;

namespace {

std::shared_ptr<const Model> open(const std::filesystem::path& folder, std::pmr::memory_resource* memory = nullptr) {
    return Model::open(Source::path(folder), {.threads = 2, .memory = memory});
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<float> fresh(const Model& model, std::span<const Token> tokens, const SessionOptions& options) {
    auto session = model.session(options);
    session.append(tokens);
    return copy(session.logits());
}

std::vector<Token> random_tokens(std::mt19937& random, std::size_t count, std::int64_t vocab) {
    std::vector<Token> tokens(count);
    for (Token& token : tokens) token = static_cast<Token>(random() % static_cast<std::uint64_t>(vocab));
    return tokens;
}

std::vector<std::filesystem::path> checkpoints() { return test::reference_checkpoints("v4"); }

}  // namespace

TEST_CASE("compressed state: random operations give the bits of a fresh session, in both modes and all cache formats", "[session][v4]") {
    std::mt19937 random(17);
    for (const auto& folder : checkpoints()) {
        const auto model = open(folder);
        const auto vocab = model->geometry().vocab_size;
        for (const Mode mode : {Mode::exact, Mode::fast}) {
            for (const CacheFormat cache : {CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact}) {
                const SessionOptions options{.context = 600, .chunk = static_cast<std::int64_t>(1 + random() % 200), .cache = cache, .mode = mode};
                auto session = model->session(options);
                std::vector<Token> expected;
                const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
                for (int operation = 0; operation < 40; ++operation) {
                    const auto add = [&](std::size_t most) {
                        auto added = random_tokens(random, below(std::min<std::size_t>(most, 600 - expected.size()) + 1), vocab);
                        expected.insert(expected.end(), added.begin(), added.end());
                        return added;
                    };
                    const auto cut = [&] { expected.resize(expected.size() - below(std::min<std::size_t>(expected.size(), random() % 3 == 0 ? 300 : 9) + 1)); };
                    switch (below(5)) {
                        case 0: session.append(add(150)); break;
                        case 1: session.append(add(7)); break;
                        case 2:
                            cut();
                            session.rewind(expected.size());
                            break;
                        case 3:
                            cut();
                            (void)add(40);
                            session.sync(expected);
                            break;
                        default: session = session.fork();
                    }
                    if (operation % 4 != 3 || expected.empty()) continue;
                    CAPTURE(folder.filename().string(), static_cast<int>(mode), operation, expected.size(), options.chunk);
                    REQUIRE(copy(session.logits()) == fresh(*model, expected, {.context = 600, .chunk = 600, .cache = cache, .mode = mode}));
                }
            }
        }
    }
}

TEST_CASE("compressed state: a text that is gone back to at any length around ends of windows and pages goes on as if nothing had been", "[session][v4]") {
    std::mt19937 random(3);
    for (const auto& folder : checkpoints()) {
        const auto model = open(folder);
        const SessionOptions options{.context = 600, .chunk = 64, .mode = GENERATE(Mode::exact, Mode::fast)};
        const auto text = random_tokens(random, 540, model->geometry().vocab_size);
        auto whole = model->session(options);
        whole.append(text);
        for (const std::size_t page : {128U, 256U, 384U, 512U}) {
            for (std::size_t length = page - 8; length <= page + 8; length += page == 128 ? 1 : 3) {
                CAPTURE(folder.filename().string(), length, static_cast<int>(options.mode));
                auto session = whole.fork();
                auto expected = std::vector<Token>(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
                const auto other = random_tokens(random, 3, model->geometry().vocab_size);
                expected.insert(expected.end(), other.begin(), other.end());
                const auto report = session.sync(expected);
                CHECK(report.kept <= length);
                CHECK(report.evaluated < 2 * (text.size() - length) + 128 + other.size() + 1);
                CHECK(copy(session.logits()) == fresh(*model, expected, options));
            }
        }
        CHECK(copy(whole.logits()) == fresh(*model, text, options));
    }
}

TEST_CASE("compressed state: a long text is gone back to where an indexer would begin to choose", "[session][v4]") {
    std::mt19937 random(8);
    const auto model = open(checkpoints().front());
    const SessionOptions options{.context = 2100, .mode = Mode::exact};
    const auto text = random_tokens(random, 2060, model->geometry().vocab_size);
    auto whole = model->session(options);
    whole.append(text);
    for (std::size_t length = 2045; length <= 2053; length += test::sanitized ? 4 : 1) {
        CAPTURE(length);
        auto session = whole.fork();
        auto expected = std::vector<Token>(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
        expected.push_back(5);
        const auto report = session.sync(expected);
        CHECK(report.evaluated < 2 * (text.size() - length) + 128 + 2);
        CHECK(copy(session.logits()) == fresh(*model, expected, options));
    }
}

TEST_CASE("compressed state: it takes the memory that the plan tells, growing with the text", "[session][v4][memory]") {
    const auto cache = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact);
    for (const auto& folder : checkpoints()) {
        const auto model = open(folder);
        const SessionOptions options{.context = 1200, .cache = cache, .mode = Mode::exact};
        std::mt19937 random(5);
        auto session = model->session(options);
        CHECK(session.metrics().cache_bytes == 0);
        for (const std::size_t piece : {1U, 3U, 124U, 1U, 127U, 300U, 600U, 44U}) {
            session.append(random_tokens(random, piece, model->geometry().vocab_size));
            CHECK(session.metrics().cache_bytes == model->plan({.context = static_cast<std::int64_t>(session.length()), .cache = cache, .mode = Mode::exact}).cache);
        }
        CHECK(session.metrics().cache_bytes == model->plan(options).cache);
    }
}

TEST_CASE("compressed state: a session survives each allocation failing in turn", "[session][v4][memory]") {
    test::CountingMemory memory;
    const auto folder = checkpoints().front();
    const auto model = open(folder, &memory);
    const auto prompt = test::Golden(folder / "golden.safetensors").tokens("input_ids.4");
    const auto expected = fresh(*model, prompt, {});
    const std::size_t before = memory.bytes();
    {
        std::optional<Session> session, fork;
        std::size_t failures = 0;
        const auto insist = [&](auto&& call) { failures += test::each_allocation_fails(memory, call); };
        insist([&] { session.emplace(model->session()); });
        insist([&] { session->sync(std::span(prompt).first(126)); });
        insist([&] { fork.emplace(session->fork()); });
        insist([&] { fork->sync(prompt); });
        insist([&] { session->sync(prompt); });
        insist([&] { session->sync(std::span(prompt).first(260)); });
        insist([&] { session->sync(prompt); });
        CHECK(failures > 10);
        CHECK(copy(session->logits()) == expected);
        CHECK(copy(fork->logits()) == expected);
    }
    CHECK(memory.bytes() == before);
}

TEST_CASE("compressed state: a compact cache predicts what one in f32 predicts for most tokens, in either mode", "[session][v4]") {
    for (const auto& folder : checkpoints()) {
        const auto model = open(folder);
        const auto tokens = test::Golden(folder / "golden.safetensors").tokens("input_ids.4");
        for (const Mode mode : {Mode::exact, Mode::fast}) {
            const auto logits = [&](CacheFormat cache) { return test::every_logit(*model, tokens, {.cache = cache, .mode = mode}); };
            const auto found = test::divergence(logits(CacheFormat::f32), logits(CacheFormat::compact), static_cast<std::size_t>(model->geometry().vocab_size));
            CAPTURE(folder.filename().string(), static_cast<int>(mode), found.nats, found.median, found.same_top);
            CHECK(found.median > 0);
            CHECK(found.median < tolerance::compact_cache_divergence());
            CHECK(found.same_top > tolerance::compact_cache_agreement());
        }
    }
}

TEST_CASE("a compact cache is refused by the option in every family but DeepSeek-V4", "[session][v4]") {
    for (const auto& folder : test::reference_checkpoints()) {
        const auto model = open(folder);
        const auto outcome = test::outcome_of([&] { (void)model->session({.cache = CacheFormat::compact}); });
        const auto planned = test::outcome_of([&] { (void)model->plan({.cache = CacheFormat::compact}); });
        CAPTURE(folder.filename().string(), outcome.line);
        CHECK(planned.line == outcome.line);
        CHECK(outcome.ok() == model->has_compact_cache());
        CHECK(outcome.ok() == (model->geometry().model_type == "deepseek_v4"));
        if (outcome.ok()) continue;
        CHECK(outcome.status == Status::unsupported);
        CHECK(outcome.says("cache: compact, expected f32"));
        CHECK(outcome.says("int8") == model->has_int8_cache());
    }
}

TEST_CASE("mode fast predicts what mode exact predicts for most tokens of a V4 checkpoint in fp8 and fp4", "[session][v4][fast]") {
    for (const auto& folder : test::reference_checkpoints("v4-fp4")) {
        const auto model = open(folder);
        CHECK(model->default_mode() == Mode::fast);
        const auto tokens = test::Golden(folder / "golden.safetensors").tokens("input_ids.4");
        const auto vocab = static_cast<std::size_t>(model->geometry().vocab_size);
        const auto logits = [&](Mode mode) {
            std::vector<float> all(tokens.size() * vocab);
            model->session({.mode = mode}).append(tokens, all);
            return all;
        };
        const auto found = test::divergence(logits(Mode::exact), logits(Mode::fast), vocab);
        CAPTURE(folder.filename().string(), found.nats);
        CHECK(found.nats > 0);
        CHECK(found.median < tolerance::fast_mode_divergence_of_random_models());
    }
}
