#include "capi/failing_new.hpp"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

std::atomic<bool> counting{false};
std::atomic<long> made{0};     // allocations since counting began
std::atomic<long> failing{0};  // the one that fails; never reached where all are only counted
std::atomic<bool> for_ever{false};

bool refused() noexcept {
    if (!counting.load(std::memory_order_relaxed)) return false;
    const long index = made.fetch_add(1);
    return index == failing || (index > failing && for_ever);
}

void* allocate(std::size_t size, std::size_t alignment) noexcept {
    if (refused()) return nullptr;
    if (size == 0) size = 1;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(std::size_t size, std::size_t alignment) {
    void* memory = allocate(size, alignment);
    if (memory == nullptr) throw std::bad_alloc();
    return memory;
}

void start(long index, bool always) noexcept {
    made = 0;
    failing = index;
    for_ever = always;
    counting = true;
}

}  // namespace

namespace rorqual::test {

void count_allocations() noexcept { start(std::numeric_limits<long>::max(), false); }
void fail_allocation(long index, bool always) noexcept { start(index, always); }
long stop_counting() noexcept {
    counting = false;
    return made;
}

}  // namespace rorqual::test

void* operator new(std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](std::size_t size) { return allocate_or_throw(size, 1); }
void* operator new(std::size_t size, std::align_val_t a) { return allocate_or_throw(size, static_cast<std::size_t>(a)); }
void* operator new[](std::size_t size, std::align_val_t a) { return allocate_or_throw(size, static_cast<std::size_t>(a)); }
void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
