#pragma once

#include <cstddef>
#include <thread>
#include <vector>

#include "rorqual/executor.hpp"

namespace rorqual::test {

/// A host's executor with so many threads, started anew for every run: whoever depends on an order of tasks gets caught.
class Threads final : public Executor {
 public:
    explicit Threads(std::size_t count) : count_(count) {}
    [[nodiscard]] std::size_t concurrency() const noexcept override { return count_; }
    void run(std::size_t count, void (*body)(void* context, std::size_t i), void* context) override {
        std::vector<std::thread> threads;
        for (std::size_t i = count; i-- > 0;) threads.emplace_back([=] { body(context, i); });
        for (auto& thread : threads) thread.join();
    }

 private:
    std::size_t count_;
};

}  // namespace rorqual::test
