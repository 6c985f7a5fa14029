#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>

namespace rorqual::test {

/// Counts what is taken and given back; fails on demand.
class CountingMemory final : public std::pmr::memory_resource {
 public:
    [[nodiscard]] std::size_t bytes() const noexcept { return bytes_; }  ///< held now
    [[nodiscard]] std::size_t allocations() const noexcept { return allocations_; }
    /// The next `count` allocations succeed, those after them throw bad_alloc.
    void fail_after(std::size_t count) noexcept { left_ = count; }
    void never_fail() noexcept { left_ = SIZE_MAX; }

 private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (left_ == 0) throw std::bad_alloc();
        if (left_ != SIZE_MAX) --left_;
        void* const memory = std::pmr::new_delete_resource()->allocate(bytes, alignment);
        bytes_ += bytes;
        ++allocations_;
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        bytes_ -= bytes;
        std::pmr::new_delete_resource()->deallocate(memory, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::atomic<std::size_t> bytes_ = 0;
    std::atomic<std::size_t> allocations_ = 0;
    std::size_t left_ = SIZE_MAX;
};

/// Calls with memory for 0, 1, 2, … allocations, until that is enough; returns how many failed.
template <class Call>
std::size_t each_allocation_fails(CountingMemory& memory, Call&& call) {
    for (std::size_t left = 0;; ++left) {
        memory.fail_after(left);
        bool thrown = false;
        try {
            call();
        } catch (const std::bad_alloc&) {
            thrown = true;
        }
        memory.never_fail();
        if (!thrown) return left;
    }
}

}  // namespace rorqual::test
