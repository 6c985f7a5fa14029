#pragma once

#include <cstddef>

namespace rorqual {

/// The host's own threads, lent to the library. Without one a model keeps a pool of its own.
/// Results never depend on how many threads take part or in which order they run.
class Executor {
 public:
    virtual ~Executor() = default;

    /// How many bodies can run at the same time, ≥ 1. Asked once, when a model opens.
    [[nodiscard]] virtual std::size_t concurrency() const noexcept = 0;

    /// Calls body(context, i) once for every 0 ≤ i < count, on any threads, at the same time or one after another, and
    /// returns when all have returned. `body` does not throw and does not wait for another i.
    virtual void run(std::size_t count, void (*body)(void* context, std::size_t i), void* context) = 0;
};

}  // namespace rorqual
