#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

#include "layers/shared_pages.hpp"

namespace rorqual::layers {

/// The pages of a growing row of tokens, page_tokens in each, which forks share. What lies in a page
/// is its owner's matter. Not thread-safe; forks are independent.
class PagedTokens {
 public:
    /// `memory` is borrowed for the life of these pages and of all their forks.
    PagedTokens(std::size_t page_bytes, std::pmr::memory_resource& memory) : pages_(page_bytes, memory) {}

    [[nodiscard]] std::int64_t position() const noexcept { return position_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return pages_.bytes(); }
    [[nodiscard]] std::pmr::memory_resource& memory() const noexcept { return pages_.memory(); }

    /// Room for tokens up to `position`, so that advancing there cannot fail. The page that still grows is then nobody else's: it may be
    /// another than before. Throws std::bad_alloc and leaves everything as it was.
    void reserve(std::int64_t position);
    /// `count` more tokens were written, in pages that are reserved.
    void advance(std::int64_t count) noexcept { position_ += count; }
    /// Forgets tokens from `position` on; pages behind are let go.
    void rewind(std::int64_t position) noexcept;
    /// The same tokens in the same pages. Throws std::bad_alloc.
    [[nodiscard]] PagedTokens fork() const;

    [[nodiscard]] std::byte* page(std::int64_t index) const noexcept { return pages_[index]; }

    /// Fills empty pages with tokens up to `position`: read(page, count) for each, as far as it holds tokens. Memory is taken page by page, so that
    /// what a file does not hold is found out before there is room for it. Throws std::bad_alloc and what `read` throws.
    template <class Read>
    void load(std::int64_t position, const Read& read) {
        while (position_ < position) {
            const auto count = std::min(page_tokens, position - position_);
            reserve(position_ + count);
            read(page(position_ / page_tokens), count);
            advance(count);
        }
    }

 private:
    std::int64_t position_ = 0;
    SharedPages pages_;
};

}  // namespace rorqual::layers
