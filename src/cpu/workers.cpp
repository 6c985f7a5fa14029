#include "cpu/workers.hpp"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "rorqual/error.hpp"

#if defined(_WIN32)
#include <process.h>
#else
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#endif
#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace rorqual::cpu {
namespace {

constexpr std::size_t most_threads = 1024;

/// How long a worker looks for the next region, and the caller for the last worker, before sleeping. A token has a few
/// hundred regions with pauses of microseconds; anything longer takes time from other processes of the machine.
constexpr auto spin_time = std::chrono::microseconds(40);

long process_id() noexcept {
#if defined(_WIN32)
    return _getpid();
#else
    return getpid();
#endif
}

void pause() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
    _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("yield");
#endif
}

/// Looks until `done()` holds or spin_time has passed; tells which.
template <class Done>
bool spin_until(Done done) noexcept {
    const auto start = std::chrono::steady_clock::now();
    do {
        for (int i = 0; i < 32; ++i) {
            if (done()) return true;
            pause();
        }
    } while (std::chrono::steady_clock::now() - start < spin_time);
    return false;
}

/// While it lives, threads that start inherit an empty set of signals: the host's handlers run on the host's threads.
class SignalsBlocked {
 public:
#if defined(_WIN32)
    SignalsBlocked() noexcept {}
#else
    SignalsBlocked() noexcept {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
    sigset_t before_;
#endif
 public:
    SignalsBlocked(const SignalsBlocked&) = delete;
    SignalsBlocked& operator=(const SignalsBlocked&) = delete;
};

[[noreturn]] void refuse_after_fork() {
    throw Error(Status::wrong_state, "threads: used in a child process after fork(), where they do not exist");
}

/// A region of parallel work: who comes takes the next task until none is left or somebody cancels.
struct Region {
    std::int64_t tasks = 0;
    const CancelFlag* cancel = nullptr;
    void (*body)(void* context, std::int64_t task, std::size_t worker) = nullptr;
    void* context = nullptr;
    alignas(64) std::atomic<std::int64_t> next{0};

    void take_tasks(std::size_t worker) noexcept {
        while (!(cancel && cancel->load(std::memory_order_relaxed))) {
            const std::int64_t task = next.fetch_add(1, std::memory_order_relaxed);
            if (task >= tasks) return;
            body(context, task, worker);
        }
    }
    /// Asked when everybody has left: was every task handed out, and so done?
    [[nodiscard]] bool complete() const noexcept { return next.load(std::memory_order_relaxed) >= tasks; }
};

/// The calling thread alone.
class Caller final : public Workers {
 public:
    [[nodiscard]] std::size_t count() const noexcept override { return 1; }
    [[nodiscard]] bool lost_by_fork() const noexcept override { return false; }

 protected:
    bool run(std::int64_t tasks, const CancelFlag* cancel, Body body, void* context) override {
        Region region{tasks, cancel, body, context};
        region.take_tasks(0);
        return region.complete();
    }
};

/// The host's executor. Each body it runs is one worker that takes tasks until none is left, so an executor that runs
/// them one after another, in any order, does the same work.
class OnExecutor final : public Workers {
 public:
    explicit OnExecutor(Executor& executor)
        : executor_(executor), count_(std::max<std::size_t>(1, executor.concurrency())), process_(process_id()) {}

    [[nodiscard]] std::size_t count() const noexcept override { return count_; }
    [[nodiscard]] bool lost_by_fork() const noexcept override { return process_ != process_id(); }

 protected:
    bool run(std::int64_t tasks, const CancelFlag* cancel, Body body, void* context) override {
        if (lost_by_fork()) refuse_after_fork();
        const std::lock_guard turn(turn_);
        Region region{tasks, cancel, body, context};
        const auto bodies = static_cast<std::size_t>(std::min<std::int64_t>(tasks, static_cast<std::int64_t>(count_)));
        if (bodies > 1) {
            executor_.run(
                bodies, [](void* r, std::size_t i) { static_cast<Region*>(r)->take_tasks(i); }, &region);
        }
        region.take_tasks(0);  // all bodies have returned, so worker 0 is free; what is left is the caller's
        return region.complete();
    }

 private:
    Executor& executor_;
    const std::size_t count_;
    const long process_;
    std::mutex turn_;
};

/// Own threads. They enter a region while its gate is open and leave it when no task is left; the caller closes the gate
/// when it finds no more tasks, and waits only for those who are inside. A worker that the system has put aside is not
/// waited for: it finds the gate closed when it wakes.
class Pool final : public Workers {
 public:
    explicit Pool(std::size_t threads) : count_(threads) { threads_ = std::make_unique<std::vector<std::thread>>(); }

    ~Pool() override {
        if (lost_by_fork()) {
            // The handles name threads that this process does not have: joining waits for ever, and destroying them ends
            // the process. They are left behind.
            static_cast<void>(threads_.release());
            return;
        }
        stop_.store(true, std::memory_order_relaxed);
        gate_.fetch_add(next_region, std::memory_order_release);
        gate_.notify_all();
        for (std::thread& thread : *threads_) thread.join();
    }
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    [[nodiscard]] std::size_t count() const noexcept override { return count_; }
    [[nodiscard]] bool lost_by_fork() const noexcept override {
        const long process = process_.load(std::memory_order_relaxed);
        return process != 0 && process != process_id();
    }

 protected:
    bool run(std::int64_t tasks, const CancelFlag* cancel, Body body, void* context) override {
        if (lost_by_fork()) refuse_after_fork();  // before the lock: another thread may have held it when it was copied
        const std::lock_guard turn(turn_);
        region_.tasks = tasks;
        region_.cancel = cancel;
        region_.body = body;
        region_.context = context;
        region_.next.store(0, std::memory_order_relaxed);
        if (tasks > 1) {
            start_threads();
            open();
        }
        region_.take_tasks(0);
        if (tasks > 1) close();
        return region_.complete();
    }

 private:
    // The gate in one word: number of the region, whether it is open, how many workers are inside.
    static constexpr std::uint32_t inside = 0x0000'7fff;
    static constexpr std::uint32_t is_open = 0x0000'8000;
    static constexpr std::uint32_t next_region = 0x0001'0000;
    static_assert(most_threads < inside);

    void open() noexcept {
        all_left_.store(0, std::memory_order_relaxed);
        gate_.fetch_add(next_region | is_open, std::memory_order_release);
        gate_.notify_all();
    }

    void close() noexcept {
        const std::uint32_t before = gate_.fetch_and(~is_open, std::memory_order_acq_rel);
        if ((before & inside) == 0) return;
        if (spin_until([&] { return all_left_.load(std::memory_order_acquire) != 0; })) return;
        all_left_.wait(0, std::memory_order_acquire);
    }

    /// Enters region after region until the pool ends.
    void work(std::size_t worker) noexcept {
        std::uint32_t last = 0;  // the region this worker has been in
        while (true) {
            std::uint32_t gate = gate_.load(std::memory_order_acquire);
            const auto something_new = [&] {
                gate = gate_.load(std::memory_order_acquire);
                return stop_.load(std::memory_order_relaxed) || ((gate & is_open) != 0 && region_of(gate) != last);
            };
            if (!spin_until(something_new)) {
                // The gate looks the same again after 65536 regions: a worker that slept through them sleeps on and misses
                // one, which costs its help and nothing else.
                while (!something_new()) gate_.wait(gate, std::memory_order_acquire);
            }
            if (stop_.load(std::memory_order_relaxed)) return;
            if (!gate_.compare_exchange_strong(gate, gate + 1, std::memory_order_acq_rel)) continue;
            last = region_of(gate);
            region_.take_tasks(worker);
            leave();
        }
    }

    void leave() noexcept {
        const std::uint32_t before = gate_.fetch_sub(1, std::memory_order_acq_rel);
        if ((before & is_open) == 0 && (before & inside) == 1) {  // closed and empty: the caller waits for this, once a region
            all_left_.store(1, std::memory_order_release);
            all_left_.notify_one();
        }
    }

    static std::uint32_t region_of(std::uint32_t gate) noexcept { return gate & ~(inside | is_open); }

    /// Starts the threads with the first region. A thread that the system refuses is done without.
    void start_threads() noexcept {
        if (process_.load(std::memory_order_relaxed) != 0) return;
        process_.store(process_id(), std::memory_order_relaxed);
        const SignalsBlocked blocked;
        try {
            threads_->reserve(count_ - 1);
            while (threads_->size() < count_ - 1) {
                threads_->emplace_back([this, worker = threads_->size() + 1] { work(worker); });
            }
        } catch (...) {  // std::system_error or std::bad_alloc: the others and the caller do the work
        }
    }

    const std::size_t count_;
    std::mutex turn_;               // one region at a time
    std::atomic<long> process_{0};  // which process started the threads; 0 = not yet
    std::atomic<bool> stop_{false};
    std::unique_ptr<std::vector<std::thread>> threads_;
    alignas(64) std::atomic<std::uint32_t> gate_{0};
    alignas(64) std::atomic<std::uint32_t> all_left_{0};  // 1 once the last worker left the closed region
    Region region_;
};

}  // namespace

std::unique_ptr<Workers> Workers::pool(std::size_t threads) {
    if (threads > most_threads) {
        throw Error(Status::invalid_argument, "threads: " + std::to_string(threads) + " asked for, expected at most " +
                                                  std::to_string(most_threads));
    }
    if (threads == 0) threads = std::min(usable_cores(), most_threads);
    if (threads == 1) return caller();
    return std::make_unique<Pool>(threads);
}

std::unique_ptr<Workers> Workers::on(Executor& executor) { return std::make_unique<OnExecutor>(executor); }

std::unique_ptr<Workers> Workers::caller() { return std::make_unique<Caller>(); }

}  // namespace rorqual::cpu
