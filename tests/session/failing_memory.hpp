#pragma once

#include <cstddef>
#include <memory_resource>
#include <new>

namespace rorqual::test {

/// Memory that counts, and fails at a chosen allocation.
class FailingMemory final : public std::pmr::memory_resource {
 public:
    /// The n-th allocation from now (1 = the next) throws std::bad_alloc, once; 0 = none does.
    void fail_at(std::size_t n) noexcept { countdown_ = n; }
    /// True if the chosen allocation has come and failed.
    [[nodiscard]] bool failed() const noexcept { return failed_; }
    void forget() noexcept { failed_ = false; countdown_ = 0; }

    [[nodiscard]] std::size_t allocations() const noexcept { return allocations_; }
    [[nodiscard]] std::size_t bytes_in_use() const noexcept { return in_use_; }

 private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        if (countdown_ > 0 && --countdown_ == 0) {
            failed_ = true;
            throw std::bad_alloc();
        }
        void* p = std::pmr::new_delete_resource()->allocate(bytes, alignment);
        ++allocations_;
        in_use_ += bytes;
        return p;
    }
    void do_deallocate(void* p, std::size_t bytes, std::size_t alignment) override {
        in_use_ -= bytes;
        std::pmr::new_delete_resource()->deallocate(p, bytes, alignment);
    }
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

    std::size_t countdown_ = 0;
    std::size_t allocations_ = 0;
    std::size_t in_use_ = 0;
    bool failed_ = false;
};

}  // namespace rorqual::test
