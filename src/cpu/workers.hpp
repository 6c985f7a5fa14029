#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

#include "rorqual/executor.hpp"

namespace rorqual::cpu {

/// Set from any thread (also from a signal handler) to stop work in progress.
using CancelFlag = std::atomic<std::uint32_t>;
static_assert(CancelFlag::is_always_lock_free);

/// The threads that share the work of one model: its own pool, or the host's executor. The calling thread always takes part.
/// parallel_for calls from different threads take turns. Nothing is allocated after the first parallel_for of a pool has started its threads.
class Workers {
 public:
    virtual ~Workers() = default;

    /// A pool of `threads` workers including the caller; 0 = one per physical core inside the affinity mask and cgroup quota.
    /// Threads start with the first parallel_for and sleep when idle (they spin a few tens of µs before).
    [[nodiscard]] static std::unique_ptr<Workers> pool(std::size_t threads);
    /// On the host's executor: borrowed, must outlive this.
    [[nodiscard]] static std::unique_ptr<Workers> on(Executor& executor);
    /// The calling thread alone.
    [[nodiscard]] static std::unique_ptr<Workers> caller();

    /// How many workers there are: `worker` below is in [0, count()).
    [[nodiscard]] virtual std::size_t count() const noexcept = 0;

    /// Calls body(task, worker) once for every 0 ≤ task < tasks and returns when all are done; tasks are handed out in order,
    /// as workers become free. A raised `cancel` stops handing out: false is returned then, and some tasks did not run.
    /// body must not throw and must not call parallel_for.
    template <class Body>
    bool parallel_for(std::int64_t tasks, const CancelFlag* cancel, Body&& body) {
        using B = std::remove_reference_t<Body>;
        return run(
            tasks, cancel, [](void* context, std::int64_t task, std::size_t worker) {
                (*static_cast<B*>(context))(task, worker);
            },
            const_cast<void*>(static_cast<const void*>(std::addressof(body))));
    }

    /// True in a child process after fork(): its threads are gone; work would hang.
    [[nodiscard]] virtual bool lost_by_fork() const noexcept = 0;

 protected:
    using Body = void (*)(void* context, std::int64_t task, std::size_t worker);
    virtual bool run(std::int64_t tasks, const CancelFlag* cancel, Body body, void* context) = 0;
};

/// Processor cores this process may use: physical cores (not SMT siblings) in the affinity mask, at most the cgroup's CPU quota rounded up, ≥ 1.
[[nodiscard]] std::size_t usable_cores() noexcept;

}  // namespace rorqual::cpu
