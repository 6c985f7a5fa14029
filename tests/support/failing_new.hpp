#pragma once

// Replaces the global operator new, so that allocations can be made to fail one after another. Include it in exactly one
// file of a test program.

#include <cstddef>
#include <cstdlib>
#include <new>

namespace rorqual::test {

inline thread_local long allocations_left = -1;   // until one fails, on this thread; negative = none fails
inline thread_local bool allocation_failed = false;

inline void* allocate(std::size_t bytes, std::size_t alignment) {
    if (allocations_left == 0) {
        allocation_failed = true;
        throw std::bad_alloc();   // and so does every later one, until the end of FailingNew
    }
    if (allocations_left > 0) --allocations_left;
    const std::size_t whole = (bytes + alignment - 1) / alignment * alignment;
    void* at = alignment > alignof(std::max_align_t) ? std::aligned_alloc(alignment, whole) : std::malloc(bytes > 0 ? bytes : 1);
    if (at == nullptr) throw std::bad_alloc();
    return at;
}

/// While it lives, this thread gets `left` more allocations, and then none: memory has run out and stays so.
class FailingNew {
 public:
    explicit FailingNew(long left) {
        allocation_failed = false;
        allocations_left = left;
    }
    FailingNew(const FailingNew&) = delete;
    FailingNew& operator=(const FailingNew&) = delete;
    ~FailingNew() { allocations_left = -1; }

    [[nodiscard]] static bool happened() { return allocation_failed; }
};

}  // namespace rorqual::test

void* operator new(std::size_t bytes) { return rorqual::test::allocate(bytes, 1); }
void* operator new[](std::size_t bytes) { return rorqual::test::allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return rorqual::test::allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return rorqual::test::allocate(bytes, static_cast<std::size_t>(alignment)); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
