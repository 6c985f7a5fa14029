#include <atomic>
#include <csignal>
#include <random>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/session.hpp"
#include "session/fake_network.hpp"
#include "support/outcome.hpp"

#if defined(__unix__)
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace rorqual;
using rorqual::test::FakeModel;
using rorqual::test::outcome_of;

namespace {

std::vector<float> copy(std::span<const float> values) { return {values.begin(), values.end()}; }

std::vector<Token> counting(std::size_t count) {
    std::vector<Token> tokens(count);
    for (std::size_t i = 0; i < count; ++i) tokens[i] = static_cast<Token>(i * 7 % 50);
    return tokens;
}

const Session* interrupted = nullptr;
extern "C" void on_interrupt(int) { interrupted->cancel(); }

}  // namespace

TEST_CASE("a cancel stops the evaluation that is running, at every step", "[session][cancel]") {
    const FakeModel fake(GENERATE(false, true));
    const auto prompt = counting(12);
    const auto expected = fake.fresh(prompt);
    for (int cancelled_at = 1; cancelled_at <= 12 * 4 + 1; ++cancelled_at) {
        auto session = fake.session(5);
        int step = 0;
        fake.network->on_step = [&] { if (++step == cancelled_at) session.cancel(); };
        const auto outcome = outcome_of([&] { session.append(prompt); });
        fake.network->on_step = nullptr;
        CAPTURE(cancelled_at);
        REQUIRE(step == cancelled_at);  // and no step after it
        CHECK(outcome.status == Status::cancelled);
        CHECK(session.length() == static_cast<std::size_t>((cancelled_at - 1) / 20 * 5));
        session.append(std::span(prompt).subspan(session.length()));  // the cancel is used up
        CHECK(copy(session.logits()) == expected);
    }
}

TEST_CASE("a cancel while nothing runs stops the next evaluation, once", "[session][cancel]") {
    const FakeModel fake;
    auto session = fake.session();
    session.append(counting(3));
    session.cancel();
    session.cancel();
    CHECK(copy(session.logits()) == fake.fresh(counting(3)));  // they were there: nothing to evaluate, nothing to stop
    session.append({});
    session.rewind(2);
    CHECK(outcome_of([&] { (void)session.logits(); }).status == Status::cancelled);
    CHECK(session.length() == 2);
    CHECK(copy(session.logits()) == fake.fresh(counting(2)));
    session.cancel();
    CHECK(outcome_of([&] { session.append(std::vector<Token>{1}); }).status == Status::cancelled);
    CHECK(session.length() == 2);
    session.append(std::span<const Token>(counting(3)).last(1));
    CHECK(copy(session.logits()) == fake.fresh(counting(3)));
}

TEST_CASE("a cancel is not copied to a fork and does not stop other sessions", "[session][cancel]") {
    const FakeModel fake;
    auto session = fake.session(), other = fake.session();
    session.append(counting(3));
    session.cancel();
    auto fork = session.fork();
    fork.append(counting(2));
    other.append(counting(2));
    CHECK(outcome_of([&] { session.append(counting(2)); }).status == Status::cancelled);
}

TEST_CASE("a generation that was cancelled goes on as if nothing had been", "[session][cancel]") {
    const FakeModel fake(GENERATE(false, true));
    const GenerateOptions options{.sampling = {.temperature = 1.5f, .seed = 5}, .limit = 20, .ignore_eos = true};
    auto plain = fake.session();
    plain.append(counting(6));
    std::vector<Token> expected;
    for (auto generation = plain.generate(options); const auto piece = generation.next();) expected.push_back(piece->token);

    for (int cancelled_at = 1; cancelled_at < 60; cancelled_at += 2) {
        auto session = fake.session();
        session.append(counting(6));
        int step = 0;
        fake.network->on_step = [&] { if (++step == cancelled_at) session.cancel(); };
        std::vector<Token> drawn;
        int cancels = 0;
        auto generation = session.generate(options);
        for (;;) {
            try {
                const auto piece = generation.next();
                if (!piece) break;
                drawn.push_back(piece->token);
            } catch (const Error& error) {
                REQUIRE(error.status() == Status::cancelled);
                ++cancels;
            }
        }
        fake.network->on_step = nullptr;
        CHECK(cancels == 1);
        CHECK(drawn == expected);
        CHECK(std::ranges::equal(session.tokens(), plain.tokens()));
    }
}

TEST_CASE("after cancels from another thread at random moments a session continues correctly", "[session][cancel]") {
    const bool rolling = GENERATE(false, true);
    const FakeModel fake(rolling, cpu::Workers::pool(2));
    const auto prompt = counting(150);
    const auto expected = fake.fresh(prompt);
    auto session = fake.session(7);
    std::atomic<bool> begun = false, done = false;
    std::thread canceller([&] {
        std::mt19937 random(3);
        while (!done) {
            std::this_thread::sleep_for(std::chrono::microseconds(random() % 400));
            session.cancel();
            begun = true;
        }
    });
    while (!begun) std::this_thread::yield();
    int cancels = 0;
    const auto until_done = [&](auto&& call) {
        for (;;) {
            const auto outcome = outcome_of(call);
            if (outcome.ok()) return;
            if (outcome.status != Status::cancelled) FAIL(outcome.line);
            ++cancels;
        }
    };
    for (int round = 0; round < 40; ++round) {
        until_done([&] { session.sync(prompt); });
        std::vector<float> logits;
        until_done([&] { logits = copy(session.logits()); });
        REQUIRE(logits == expected);
        until_done([&] { session.append(std::vector<Token>{1}); });
        session.rewind(static_cast<std::size_t>(round));
    }
    done = true;
    canceller.join();
    CHECK(cancels > 0);
}

#if defined(__unix__)
TEST_CASE("cancel works from a signal handler", "[session][cancel]") {
    const FakeModel fake;
    auto session = fake.session(5);
    interrupted = &session;
    const auto before = std::signal(SIGUSR1, on_interrupt);
    int step = 0;
    fake.network->on_step = [&] { if (++step == 25) std::raise(SIGUSR1); };
    CHECK(outcome_of([&] { session.append(counting(12)); }).status == Status::cancelled);
    fake.network->on_step = nullptr;
    std::signal(SIGUSR1, before);
    CHECK(session.length() == 5);
}

TEST_CASE("a child process after fork() gets an error and an unharmed session", "[session]") {
    const FakeModel fake(false, cpu::Workers::pool(2));
    auto session = fake.session();
    session.append(counting(5));
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {  // no Catch2 here: the answer is the exit status
        const bool refused = outcome_of([&] { session.append(std::vector<Token>{1}); }).status == Status::wrong_state;
        session.rewind(4);
        const bool refused_again = outcome_of([&] { (void)session.logits(); }).status == Status::wrong_state;
        _exit(refused && refused_again && session.length() == 4 ? 0 : 1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
    session.append(std::vector<Token>{1});
    CHECK(session.length() == 6);
}
#endif
