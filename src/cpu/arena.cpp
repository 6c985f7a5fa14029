#include "cpu/arena.hpp"

#include <limits>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::cpu {
namespace {

constexpr std::size_t alignment = 64;  // a cache line, and the widest vector

}  // namespace

Arena::Arena(std::size_t bytes, std::pmr::memory_resource& memory) : memory_(&memory), size_(bytes) {
    if (bytes > 0) block_ = static_cast<std::byte*>(memory.allocate(bytes, alignment));
}

Arena::~Arena() {
    if (block_) memory_->deallocate(block_, size_, alignment);
}

Arena::Arena(Arena&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      block_(std::exchange(other.block_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      used_(std::exchange(other.used_, 0)) {}

void* Arena::take_bytes(std::int64_t count, std::size_t size) {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max() - alignment;
    if (count < 0 || static_cast<std::uint64_t>(count) > (most - used_) / size) {
        throw Error(Status::no_memory, "scratch memory: a buffer of " + std::to_string(count) + " elements of " +
                                           std::to_string(size) + " bytes is beyond the address space");
    }
    const std::size_t bytes = (static_cast<std::size_t>(count) * size + alignment - 1) / alignment * alignment;
    if (memory_ && bytes > size_ - used_) {
        throw Error(Status::internal, "scratch memory: " + std::to_string(size_) + " bytes were planned, " +
                                          std::to_string(used_ + bytes) + " are asked for");
    }
    const std::size_t first = std::exchange(used_, used_ + bytes);
    return block_ ? block_ + first : nullptr;
}

}  // namespace rorqual::cpu
