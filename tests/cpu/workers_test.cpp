#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "cpu/workers.hpp"
#include "support/outcome.hpp"

#if !defined(_WIN32)
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#endif

using namespace rorqual;
using cpu::CancelFlag;
using cpu::Workers;

namespace {

/// A host whose "threads" are one: bodies run in turn, the last first.
class Backwards : public Executor {
 public:
    explicit Backwards(std::size_t width) : width_(width) {}
    [[nodiscard]] std::size_t concurrency() const noexcept override { return width_; }
    void run(std::size_t count, void (*body)(void*, std::size_t), void* context) override {
        for (std::size_t i = count; i-- > 0;) body(context, i);
    }

 private:
    std::size_t width_;
};

/// A host that starts a thread for every body.
class ThreadEach : public Executor {
 public:
    explicit ThreadEach(std::size_t width) : width_(width) {}
    [[nodiscard]] std::size_t concurrency() const noexcept override { return width_; }
    void run(std::size_t count, void (*body)(void*, std::size_t), void* context) override {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < count; ++i) threads.emplace_back(body, context, i);
        for (auto& thread : threads) thread.join();
    }

 private:
    std::size_t width_;
};

/// Every kind of workers, with the executor that some borrow.
struct Candidate {
    std::string name;
    std::unique_ptr<Executor> executor;
    std::unique_ptr<Workers> workers;
};

std::vector<Candidate> candidates() {
    std::vector<Candidate> list;
    list.push_back({"caller", nullptr, Workers::caller()});
    for (const std::size_t n : {1, 2, 3, 7}) list.push_back({"pool of " + std::to_string(n), nullptr, Workers::pool(n)});
    for (const std::size_t n : {0, 1, 5}) {
        auto executor = std::make_unique<Backwards>(n);
        auto workers = Workers::on(*executor);
        list.push_back({"backwards " + std::to_string(n), std::move(executor), std::move(workers)});
    }
    auto executor = std::make_unique<ThreadEach>(3);
    auto workers = Workers::on(*executor);
    list.push_back({"a thread for each", std::move(executor), std::move(workers)});
    return list;
}

}  // namespace

TEST_CASE("every task runs exactly once, on a worker below count()", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        for (const std::int64_t tasks : {0, 1, 2, 3, 8, 1000}) {
            CAPTURE(c.name, tasks);
            std::vector<std::atomic<int>> runs(static_cast<std::size_t>(tasks));
            std::atomic<bool> worker_in_range{true};
            CHECK(c.workers->parallel_for(tasks, nullptr, [&](std::int64_t task, std::size_t worker) {
                ++runs[static_cast<std::size_t>(task)];
                if (worker >= c.workers->count()) worker_in_range = false;
            }));
            CHECK(worker_in_range);
            CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }));
        }
    }
}

TEST_CASE("no worker number is used by two threads at once", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        CAPTURE(c.name);
        std::vector<std::atomic<int>> busy(c.workers->count());
        std::atomic<bool> alone{true};
        c.workers->parallel_for(2000, nullptr, [&](std::int64_t, std::size_t worker) {
            if (busy[worker].fetch_add(1) != 0) alone = false;
            busy[worker].fetch_sub(1);
        });
        CHECK(alone);
    }
}

TEST_CASE("what tasks wrote is there when parallel_for returns, over thousands of tiny regions", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        if (c.name == "a thread for each") continue;
        CAPTURE(c.name);
        std::vector<std::int64_t> values(5, 0);
        for (int region = 0; region < 5000; ++region) {
            c.workers->parallel_for(5, nullptr, [&](std::int64_t task, std::size_t) { values[static_cast<std::size_t>(task)] += task; });
        }
        CHECK(values == std::vector<std::int64_t>{0, 5000, 10000, 15000, 20000});
    }
}

TEST_CASE("regions go on past the wrap of the pool's region counter", "[cpu][workers]") {
    const auto pool = Workers::pool(2);
    std::atomic<std::int64_t> sum{0};
    for (int region = 0; region < 70000; ++region) pool->parallel_for(2, nullptr, [&](std::int64_t task, std::size_t) { sum += task; });
    CHECK(sum == 70000);
}

TEST_CASE("workers that fell asleep take part in the next region", "[cpu][workers]") {
    const auto pool = Workers::pool(2);
    for (int round = 0; round < 3; ++round) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
        std::atomic<int> inside{0};
        // Each of the two tasks waits until the other has begun: only two threads can end this.
        CHECK(pool->parallel_for(2, nullptr, [&](std::int64_t, std::size_t) {
            ++inside;
            while (inside < 2) std::this_thread::yield();
        }));
    }
}

TEST_CASE("a raised cancel stops handing out, and the workers go on with the next region", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        CAPTURE(c.name);
        CancelFlag cancel{0};
        std::atomic<int> ran{0};
        CHECK_FALSE(c.workers->parallel_for(1'000'000, &cancel, [&](std::int64_t, std::size_t) {
            if (++ran == 10) cancel = 1;
        }));
        CHECK(ran < 1'000'000);
        const int before = ran;
        CHECK_FALSE(c.workers->parallel_for(4, &cancel, [&](std::int64_t, std::size_t) { ++ran; }));
        CHECK(ran == before);
        cancel = 0;
        CHECK(c.workers->parallel_for(4, &cancel, [&](std::int64_t, std::size_t) { ++ran; }));
        CHECK(ran == before + 4);
    }
}

TEST_CASE("a cancel raised by the last task finds nothing left to stop", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        CAPTURE(c.name);
        CancelFlag cancel{0};
        std::atomic<int> ran{0};
        const bool all = c.workers->parallel_for(8, &cancel, [&](std::int64_t, std::size_t) {
            if (++ran == 8) cancel = 1;
        });
        CHECK(ran == 8);
        CHECK(all);
    }
}

TEST_CASE("calls from several threads take turns", "[cpu][workers]") {
    for (const Candidate& c : candidates()) {
        if (c.name == "caller" || c.name == "pool of 1") continue;  // each calling thread works alone
        CAPTURE(c.name);
        std::atomic<int> owner{-1};
        std::atomic<bool> mixed{false};
        std::atomic<int> total{0};
        std::vector<std::thread> callers;
        for (int id = 0; id < 3; ++id) {
            callers.emplace_back([&, id] {
                for (int region = 0; region < 50; ++region) {
                    std::atomic<int> left{4};
                    c.workers->parallel_for(4, nullptr, [&](std::int64_t, std::size_t) {
                        owner = id;
                        ++total;
                        if (owner != id) mixed = true;
                        --left;
                    });
                    if (left != 0) mixed = true;
                }
            });
        }
        for (auto& caller : callers) caller.join();
        CHECK(total == 3 * 50 * 4);
        CHECK_FALSE(mixed);
    }
}

TEST_CASE("a pool that never worked and one that just did both end at once", "[cpu][workers]") {
    CHECK_NOTHROW(Workers::pool(7).reset());
    auto pool = Workers::pool(3);
    pool->parallel_for(3, nullptr, [](std::int64_t, std::size_t) {});
    CHECK_NOTHROW(pool.reset());
}

TEST_CASE("an absurd number of threads is refused, naming the argument", "[cpu][workers][hostile]") {
    const auto refused = test::outcome_of([] { static_cast<void>(Workers::pool(static_cast<std::size_t>(-1))); });
    CHECK(refused.status == Status::invalid_argument);
    CHECK(refused.says("threads"));
}

#if !defined(_WIN32)
TEST_CASE("workers block every signal, so that the host's handlers run on the host's threads", "[cpu][workers]") {
    const auto pool = Workers::pool(2);
    std::atomic<int> inside{0};
    std::atomic<int> open{0};  // workers other than the caller that would take a signal
    pool->parallel_for(2, nullptr, [&](std::int64_t, std::size_t worker) {
        ++inside;
        while (inside < 2) std::this_thread::yield();
        sigset_t blocked;
        pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
        if (worker != 0 && (!sigismember(&blocked, SIGINT) || !sigismember(&blocked, SIGUSR1))) ++open;
    });
    CHECK(open == 0);
    sigset_t mine;
    pthread_sigmask(SIG_SETMASK, nullptr, &mine);
    CHECK_FALSE(sigismember(&mine, SIGINT));
}

#if defined(__SANITIZE_THREAD__)
#define RQ_NO_FORK_TEST 1  // ThreadSanitizer does not follow a child of a process with threads
#endif
#if !defined(RQ_NO_FORK_TEST)
namespace {

/// What a child process returns from `body`, or -1 if it did not end within ten seconds or was killed.
template <class Body>
int in_child(Body body) {
    const pid_t child = fork();
    if (child == 0) _exit(body());
    for (int i = 0; i < 1000; ++i) {
        int status = 0;
        if (waitpid(child, &status, WNOHANG) == child) return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    return -1;
}

}  // namespace

TEST_CASE("after fork() a pool that has worked says so, refuses work and can be destroyed", "[cpu][workers]") {
    auto pool = Workers::pool(3);
    pool->parallel_for(8, nullptr, [](std::int64_t, std::size_t) {});
    CHECK_FALSE(pool->lost_by_fork());
    const int told = in_child([&] {
        if (!pool->lost_by_fork()) return 1;
        const auto outcome = test::outcome_of([&] { pool->parallel_for(8, nullptr, [](std::int64_t, std::size_t) {}); });
        if (outcome.status != Status::wrong_state) return 2;
        pool.reset();
        return 0;
    });
    CHECK(told == 0);
    CHECK(pool->parallel_for(8, nullptr, [](std::int64_t, std::size_t) {}));
}

TEST_CASE("a pool that had not worked before fork() works in the child", "[cpu][workers]") {
    auto pool = Workers::pool(3);
    CHECK(in_child([&] {
              std::atomic<int> ran{0};
              if (pool->lost_by_fork()) return 1;
              pool->parallel_for(8, nullptr, [&](std::int64_t, std::size_t) { ++ran; });
              pool.reset();
              return ran == 8 ? 0 : 2;
          }) == 0);
}

TEST_CASE("the calling thread alone is never lost, and an executor's threads are", "[cpu][workers]") {
    Backwards executor(2);
    const auto on_executor = Workers::on(executor);
    const auto caller = Workers::caller();
    CHECK(in_child([&] { return on_executor->lost_by_fork() && !caller->lost_by_fork() ? 0 : 1; }) == 0);
}
#endif
#endif
