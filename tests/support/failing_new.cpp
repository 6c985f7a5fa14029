// A file of its own: where the compiler could inline these, it would warn that free() does not match operator new.
#include "support/failing_new.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

namespace rorqual::test {
namespace {

thread_local long allocations_left = -1;  // negative: none fails
thread_local bool allocation_failed = false;

void* allocate_or_null(std::size_t bytes, std::size_t alignment) noexcept {
    if (allocations_left == 0) {
        allocation_failed = true;
        return nullptr;
    }
    if (allocations_left > 0) --allocations_left;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(bytes > 0 ? bytes : 1);
    return std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* allocate(std::size_t bytes, std::size_t alignment) {
    void* at = allocate_or_null(bytes, alignment);
    if (at == nullptr) throw std::bad_alloc();
    return at;
}

}  // namespace

FailingNew::FailingNew(long left) noexcept {
    allocation_failed = false;
    allocations_left = left;
}
FailingNew::~FailingNew() { allocations_left = -1; }
bool FailingNew::happened() noexcept { return allocation_failed; }

}  // namespace rorqual::test

using rorqual::test::allocate;
using rorqual::test::allocate_or_null;

void* operator new(std::size_t bytes) { return allocate(bytes, 1); }
void* operator new[](std::size_t bytes) { return allocate(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new[](std::size_t bytes, std::align_val_t alignment) { return allocate(bytes, static_cast<std::size_t>(alignment)); }
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes, 1); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return allocate_or_null(bytes, 1); }
void operator delete(void* at) noexcept { std::free(at); }
void operator delete[](void* at) noexcept { std::free(at); }
void operator delete(void* at, std::size_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t) noexcept { std::free(at); }
void operator delete(void* at, const std::nothrow_t&) noexcept { std::free(at); }
void operator delete[](void* at, const std::nothrow_t&) noexcept { std::free(at); }
void operator delete(void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::align_val_t) noexcept { std::free(at); }
void operator delete(void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
void operator delete[](void* at, std::size_t, std::align_val_t) noexcept { std::free(at); }
