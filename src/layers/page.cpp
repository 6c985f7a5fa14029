#include "layers/page.hpp"

#include <new>

namespace rorqual::layers {

/// The bytes follow at the next 64-byte boundary, which is where this ends.
struct alignas(64) Page::Block {
    std::atomic<std::uint32_t> references{1};
    std::size_t bytes = 0;
    std::pmr::memory_resource* memory = nullptr;
};

Page::Page(std::size_t bytes, std::pmr::memory_resource& memory)
    : block_(new (memory.allocate(sizeof(Block) + bytes, alignof(Block))) Block) {
    block_->bytes = sizeof(Block) + bytes;
    block_->memory = &memory;
}

Page::Page(const Page& other) noexcept : block_(other.block_) {
    if (block_) block_->references.fetch_add(1, std::memory_order_relaxed);
}

Page::~Page() {
    // Acquire and release: the last owner, and a sole owner about to write, come after all reads of those who let go.
    if (!block_ || block_->references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    auto* const memory = block_->memory;
    const auto bytes = block_->bytes;
    block_->~Block();
    memory->deallocate(block_, bytes, alignof(Block));
}

std::byte* Page::data() const noexcept { return reinterpret_cast<std::byte*>(block_ + 1); }

bool Page::shared() const noexcept { return block_->references.load(std::memory_order_acquire) != 1; }

}  // namespace rorqual::layers
