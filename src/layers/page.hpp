#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <utility>

#include "base/ceil_div.hpp"

namespace rorqual::layers {

/// Tokens of state in one page. Attention makes one partial result a page, so this number is part of what a result is.
inline constexpr std::int64_t page_tokens = 128;

/// Pages that `tokens` tokens take.
[[nodiscard]] constexpr std::int64_t pages_for(std::int64_t tokens) noexcept { return ceil_div(tokens, page_tokens); }
/// The tokens there is room for in these.
[[nodiscard]] constexpr std::int64_t whole_pages(std::int64_t tokens) noexcept { return pages_for(tokens) * page_tokens; }

/// One reference to a block of bytes that timelines may share: forks hold references, and whoever wants to write to a block
/// that is shared() writes to a copy of it. References of one block may be taken and dropped on different threads; one
/// reference, like a pointer, belongs to one thread at a time.
class Page {
 public:
    Page() = default;
    /// `bytes` uninitialised bytes, 64-byte aligned, from `memory`. Throws what `memory` throws.
    Page(std::size_t bytes, std::pmr::memory_resource& memory);
    Page(const Page& other) noexcept;
    Page(Page&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
    Page& operator=(Page other) noexcept {
        std::swap(block_, other.block_);
        return *this;
    }
    ~Page();

    [[nodiscard]] std::byte* data() const noexcept;
    /// True while other references exist. False is final until this reference is copied: what others read before is over.
    [[nodiscard]] bool shared() const noexcept;

 private:
    struct Block;
    Block* block_ = nullptr;
};

}  // namespace rorqual::layers
