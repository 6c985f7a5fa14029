#include "rorqual/session.hpp"

#include <algorithm>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

#include <catch2/catch.hpp>

#include "session/fake_network.hpp"
#include "support/effort.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using rorqual::test::FakeModel;
using rorqual::test::outcome_of;

namespace {

std::vector<Token> random_tokens(std::mt19937& random, std::size_t count) {
    std::uniform_int_distribution<Token> id(0, 49);
    std::vector<Token> tokens(count);
    for (Token& token : tokens) token = id(random);
    return tokens;
}

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }
std::vector<Token> copy(std::span<const Token> values) { return {values.begin(), values.end()}; }

}  // namespace

TEST_CASE("a new session is empty and has the room that was asked for", "[session]") {
    const FakeModel fake;
    auto session = fake.session();
    CHECK(session.length() == 0);
    CHECK(session.tokens().empty());
    CHECK(session.capacity() == 200);
    CHECK(fake.session(16, 7).capacity() == 7);
    CHECK(session.model() == fake.model);
    CHECK(session.metrics().prefill_tokens == 0);
    CHECK(session.metrics().cache_bytes == 0);
    CHECK(session.metrics().scratch_bytes > 0);
    CHECK(outcome_of([&] { (void)session.logits(); }).status == Status::wrong_state);
    CHECK(outcome_of([&] { (void)session.generate(); }).status == Status::wrong_state);
}

TEST_CASE("session options out of range are refused by name", "[session]") {
    const FakeModel fake;
    const auto refused = [&](const SessionOptions& options, const char* name) {
        const auto outcome = outcome_of([&] { (void)fake.model->session(options); });
        CAPTURE(name, outcome.line);
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(name));
    };
    refused({.context = -1}, "context");
    refused({.context = 201}, "context");
    refused({.context = std::numeric_limits<std::int64_t>::max()}, "context");
    refused({.chunk = 0}, "chunk");
    refused({.chunk = std::numeric_limits<std::int64_t>::min()}, "chunk");
    refused({.cache = static_cast<CacheFormat>(5)}, "cache");
    refused({.cache = static_cast<CacheFormat>(-1)}, "cache");
    refused({.mode = static_cast<Mode>(-1)}, "mode");
    CHECK(fake.model->session({.chunk = std::numeric_limits<std::int64_t>::max()}).capacity() == 200);
}

TEST_CASE("evaluating a prompt in pieces gives the logits of evaluating it whole", "[session]") {
    const FakeModel fake(GENERATE(false, true));
    std::mt19937 random(1);
    const auto prompt = random_tokens(random, 37);
    const auto whole = fake.fresh(prompt);
    for (std::int64_t chunk = 1; chunk <= 40; ++chunk) {
        auto session = fake.session(chunk);
        session.append(prompt);
        CHECK(copy(session.logits()) == whole);
        CHECK(copy(session.tokens()) == prompt);
    }
    for (std::size_t first = 0; first <= prompt.size(); ++first) {
        auto session = fake.session(5);
        session.append(std::span(prompt).first(first));
        session.append(std::span(prompt).subspan(first));
        CHECK(copy(session.logits()) == whole);
    }
}

TEST_CASE("logits after every token are those of the prompt's beginnings", "[session]") {
    const FakeModel fake(GENERATE(false, true));
    std::mt19937 random(2);
    const auto prompt = random_tokens(random, 23);
    for (const std::int64_t chunk : {1, 4, 23, 100}) {
        auto session = fake.session(chunk);
        session.append(std::span(prompt).first(3));
        std::vector<float> every(20 * 50);
        session.append(std::span(prompt).subspan(3), every);
        for (std::size_t t = 0; t < 20; ++t) {
            CHECK(copy(std::span<const float>(every).subspan(t * 50, 50)) == fake.fresh(std::span(prompt).first(4 + t)));
        }
        CHECK(copy(session.logits()) == fake.fresh(prompt));
    }
}

TEST_CASE("logits after every token leave out what an earlier rewind made necessary again", "[session]") {
    const FakeModel fake(true);
    std::mt19937 random(3);
    const auto prompt = random_tokens(random, 30);
    auto session = fake.session(4);
    session.append(prompt);
    session.rewind(23);  // the rolling states go back to 20
    std::vector<float> every(7 * 50);
    session.append(std::span(prompt).subspan(23), every);
    for (std::size_t t = 0; t < 7; ++t) {
        CHECK(copy(std::span<const float>(every).subspan(t * 50, 50)) == fake.fresh(std::span(prompt).first(24 + t)));
    }
}

TEST_CASE("sync keeps the common prefix, whatever its length", "[session]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling);
    std::mt19937 random(4);
    const auto before = random_tokens(random, 33);
    for (std::size_t common = 0; common <= before.size(); ++common) {
        for (const std::size_t more : {0, 1, 9}) {
            auto prompt = copy(std::span<const Token>(before).first(common));
            for (std::size_t i = 0; i < more; ++i) prompt.push_back((i == 0 && common < before.size() ? before[common] + 1 : 7 + static_cast<Token>(i)) % 50);
            auto session = fake.session(8);
            session.append(before);
            const auto report = session.sync(prompt);
            CAPTURE(common, more);
            CHECK(copy(session.tokens()) == prompt);
            CHECK(report.kept + report.evaluated == prompt.size());
            CHECK(report.kept <= common);
            if (!rolling) CHECK(report.kept == common);
            if (!prompt.empty()) CHECK(copy(session.logits()) == fake.fresh(prompt));
        }
    }
}

TEST_CASE("sync with the timeline itself evaluates nothing", "[session]") {
    const FakeModel fake(GENERATE(false, true));
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3, 4, 5, 6, 7});
    const std::size_t evaluated = fake.network->evaluated;
    const auto report = session.sync(session.tokens());
    CHECK(report.kept == 7);
    CHECK(report.evaluated == 0);
    (void)session.logits();
    CHECK(fake.network->evaluated == evaluated);
}

TEST_CASE("a session can be given its own tokens again", "[session]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    session.append(session.tokens());
    CHECK(copy(session.tokens()) == std::vector<Token>{1, 2, 3, 1, 2, 3});
    session.sync(session.tokens().first(2));
    CHECK(copy(session.tokens()) == std::vector<Token>{1, 2});
}

TEST_CASE("rewind gives exactly the state of a session that never saw the tokens", "[session]") {
    const FakeModel fake(GENERATE(false, true));
    std::mt19937 random(5);
    const auto prompt = random_tokens(random, 29);
    for (std::size_t length = 0; length <= prompt.size(); ++length) {
        auto session = fake.session(7);
        session.append(prompt);
        session.rewind(length);
        const auto kept = std::span(prompt).first(length);
        CHECK(copy(session.tokens()) == copy(kept));
        if (length > 0) CHECK(copy(session.logits()) == fake.fresh(kept));
        session.append(std::span(prompt).subspan(length));
        CHECK(copy(session.logits()) == fake.fresh(prompt));
    }
}

TEST_CASE("logits after a rewind do not survive another token in its place", "[session]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    session.rewind(2);
    session.append(std::vector<Token>{4});
    CHECK(copy(session.logits()) == fake.fresh(std::vector<Token>{1, 2, 4}));
}

TEST_CASE("a fork is independent of its origin", "[session]") {
    const FakeModel fake(GENERATE(false, true));
    std::mt19937 random(6);
    for (std::size_t length = 0; length < 20; ++length) {
        const auto prompt = random_tokens(random, length), left = random_tokens(random, 11), right = random_tokens(random, 13);
        auto origin = fake.session(6);
        origin.append(prompt);
        auto fork = origin.fork();
        CHECK(copy(fork.tokens()) == prompt);
        if (length > 0) CHECK(copy(fork.logits()) == fake.fresh(prompt));
        CHECK(fork.metrics().prefill_tokens + fork.metrics().decode_tokens == 0);
        for (std::size_t i = 0; i < 11; ++i) {  // in turn, so that a page written by both would show
            origin.append(std::span(left).subspan(i, 1));
            fork.append(std::span(right).subspan(i, 1));
        }
        auto expected = prompt;
        expected.insert(expected.end(), left.begin(), left.end());
        CHECK(copy(origin.logits()) == fake.fresh(expected));
        expected = prompt;
        expected.insert(expected.end(), right.begin(), right.begin() + 11);
        CHECK(copy(fork.logits()) == fake.fresh(expected));
    }
}

TEST_CASE("ids outside the vocabulary change nothing", "[session]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2, 3});
    const auto logits = copy(session.logits());
    for (const Token bad : {-1, 50, std::numeric_limits<Token>::max(), std::numeric_limits<Token>::min()}) {
        const auto appended = outcome_of([&] { session.append(std::vector<Token>{4, bad}); });
        CHECK(appended.status == Status::invalid_argument);
        CHECK(appended.says("tokens[1]"));
        CHECK(appended.says(std::to_string(bad)));
        const auto synced = outcome_of([&] { session.sync(std::vector<Token>{9, 9, bad}); });
        CHECK(synced.status == Status::invalid_argument);
        CHECK(synced.says("prompt[2]"));
    }
    CHECK(copy(session.tokens()) == std::vector<Token>{1, 2, 3});
    CHECK(copy(session.logits()) == logits);
}

TEST_CASE("tokens that do not fit change nothing", "[session]") {
    const FakeModel fake;
    auto session = fake.session(4, 10);
    session.append(std::vector<Token>(8, 3));
    const auto logits = copy(session.logits());
    CHECK(outcome_of([&] { session.append(std::vector<Token>(3, 1)); }).status == Status::context_full);
    CHECK(outcome_of([&] { session.sync(std::vector<Token>(11, 3)); }).status == Status::context_full);
    CHECK(session.length() == 8);
    CHECK(copy(session.logits()) == logits);
    session.append(std::vector<Token>(2, 1));
    CHECK(session.length() == 10);
    CHECK(outcome_of([&] { session.append(std::vector<Token>(1, 1)); }).status == Status::context_full);
    session.sync(std::vector<Token>(10, 5));
    CHECK(copy(session.logits()) == fake.fresh(std::vector<Token>(10, 5)));
}

TEST_CASE("arguments that make no sense are refused by name", "[session]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(std::vector<Token>{1, 2});
    CHECK(outcome_of([&] { session.rewind(3); }).says("length"));
    std::vector<float> small(49), large(51);
    CHECK(outcome_of([&] { session.append(std::vector<Token>{1}, small); }).says("every_logit"));
    CHECK(outcome_of([&] { session.append(std::vector<Token>{1}, large); }).says("every_logit"));
    CHECK(outcome_of([&] { session.append({}, large); }).says("every_logit"));
    CHECK(session.length() == 2);
    session.append({});
    CHECK(session.length() == 2);
}

TEST_CASE("an exception from the network leaves whole pieces and no more", "[session]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling);
    std::mt19937 random(7);
    const auto prompt = random_tokens(random, 22);
    const auto expected = fake.fresh(prompt);
    // 22 tokens in pieces of 5, 4 layers, and the logits: every step is made to fail in turn.
    for (int failing = 1; failing <= 22 * 4 + 1; ++failing) {
        auto session = fake.session(5);
        session.append(std::span(prompt).first(3));
        int step = 0;
        fake.network->on_step = [&] { if (++step == failing) throw std::runtime_error("a callback of the host"); };
        bool thrown = false;
        try {
            session.append(std::span(prompt).subspan(3));
        } catch (const std::runtime_error&) {
            thrown = true;
        }
        fake.network->on_step = nullptr;
        CAPTURE(failing);
        CHECK(thrown == (step == failing));
        if (thrown) CHECK((session.length() - 3) % 5 == 0);
        CHECK(std::ranges::equal(session.tokens(), std::span(prompt).first(session.length())));
        session.append(std::span(prompt).subspan(session.length()));
        CHECK(copy(session.logits()) == expected);
    }
}

TEST_CASE("10,000 random operations give what a fresh run gives, bit for bit", "[session]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling);
    std::mt19937 random(rolling ? 8 : 9);
    const auto below = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>(0, n - 1)(random); };
    std::vector<Session> sessions;
    std::vector<std::vector<Token>> expected;
    sessions.push_back(fake.session(8, 60));
    expected.emplace_back();
    for (int operation = 0; operation < test::repeats(10000); ++operation) {
        const std::size_t i = below(sessions.size());
        Session& session = sessions[i];
        auto& tokens = expected[i];
        switch (below(7)) {
            case 0:
            case 1: {
                const auto added = random_tokens(random, below(std::min<std::size_t>(20, 60 - tokens.size()) + 1));
                session.append(added);
                tokens.insert(tokens.end(), added.begin(), added.end());
                break;
            }
            case 2:
                tokens.resize(below(tokens.size() + 1));
                session.rewind(tokens.size());
                break;
            case 3: {
                tokens.resize(below(tokens.size() + 1));
                const auto added = random_tokens(random, below(60 - tokens.size() + 1));
                tokens.insert(tokens.end(), added.begin(), added.end());
                session.sync(tokens);
                break;
            }
            case 4: {
                if (tokens.empty()) break;
                auto generation = session.generate({.sampling = {.temperature = 2, .seed = random()}, .limit = 1 + below(5), .ignore_eos = true});
                while (const auto piece = generation.next()) {
                    if (piece->token >= 0) tokens.push_back(piece->token);
                }
                break;
            }
            case 5:
                if (sessions.size() < 4) {
                    auto fork = session.fork();
                    auto forked = tokens;
                    sessions.push_back(std::move(fork));
                    expected.push_back(std::move(forked));
                } else {
                    sessions[i] = std::move(sessions.back());
                    expected[i] = std::move(expected.back());
                    sessions.pop_back();
                    expected.pop_back();
                }
                break;
            default:
                if (!tokens.empty()) REQUIRE(copy(session.logits()) == fake.fresh(tokens));
        }
        for (std::size_t k = 0; k < sessions.size(); ++k) REQUIRE(std::ranges::equal(sessions[k].tokens(), expected[k]));
    }
}

TEST_CASE("metrics count what was evaluated together and alone", "[session]") {
    const FakeModel fake;
    auto session = fake.session(4);
    session.append(std::vector<Token>(9, 1));  // pieces of 4, 4 and 1
    CHECK(session.metrics().prefill_tokens == 9);
    CHECK(session.metrics().decode_tokens == 0);
    session.append(std::vector<Token>(1, 1));
    session.append(std::vector<Token>(1, 1));
    CHECK(session.metrics().prefill_tokens == 9);
    CHECK(session.metrics().decode_tokens == 2);
    CHECK(session.metrics().prefill_seconds > 0);
    CHECK(session.metrics().decode_seconds > 0);
    CHECK(session.metrics().cache_bytes == 4 * 2 * 64);  // 4 layers, 2 pages of 8 hashes
    session.rewind(3);
    CHECK(session.metrics().cache_bytes == 4 * 64);
}

TEST_CASE("an observer sees each layer of each piece, and none after it was taken away", "[session]") {
    struct Recorder final : SessionObserver {
        void hidden(std::int64_t layer, std::int64_t position, ConstRows x) override {
            CHECK(x.cols == rorqual::test::FakeNetwork::width);
            seen.push_back({layer, position, x.rows});
        }
        std::vector<std::array<std::int64_t, 3>> seen;
    } recorder;
    const FakeModel fake;
    auto session = fake.session(4);
    session.observe(&recorder);
    session.append(std::vector<Token>(6, 1));
    CHECK(recorder.seen == std::vector<std::array<std::int64_t, 3>>{{0, 0, 4}, {1, 0, 4}, {2, 0, 4}, {3, 0, 4}, {0, 4, 2}, {1, 4, 2}, {2, 4, 2}, {3, 4, 2}});
    auto fork = session.fork();
    fork.append(std::vector<Token>(1, 1));
    CHECK(recorder.seen.size() == 8);
    session.observe(nullptr);
    session.append(std::vector<Token>(1, 1));
    CHECK(recorder.seen.size() == 8);
}

TEST_CASE("an exception of an observer leaves a session that goes on", "[session]") {
    struct Refuser final : SessionObserver {
        void hidden(std::int64_t layer, std::int64_t position, ConstRows) override {
            if (layer == 2 && position == 4) throw Error(Status::callback, "the observer had enough");
        }
    } refuser;
    const FakeModel fake;
    auto session = fake.session(4);
    session.observe(&refuser);
    CHECK(outcome_of([&] { session.append(std::vector<Token>(6, 1)); }).status == Status::callback);
    CHECK(session.length() == 4);
    session.observe(nullptr);
    session.append(std::vector<Token>(2, 1));
    CHECK(copy(session.logits()) == fake.fresh(std::vector<Token>(6, 1)));
}

TEST_CASE("a session keeps its model alive and can be moved", "[session]") {
    std::optional<Session> session;
    std::vector<float> expected;
    {
        const FakeModel fake;
        expected = fake.fresh(std::vector<Token>{1, 2, 3});
        session.emplace(fake.session());
    }
    session->append(std::vector<Token>{1, 2});
    Session moved = std::move(*session);
    session.reset();
    moved.append(std::vector<Token>{3});
    CHECK(copy(moved.logits()) == expected);
}

TEST_CASE("one thread gives the bits of several", "[session]") {
    const FakeModel one(true), several(true, cpu::Workers::pool(3));
    std::mt19937 random(10);
    const auto prompt = random_tokens(random, 50);
    CHECK(one.fresh(prompt) == several.fresh(prompt));
}
