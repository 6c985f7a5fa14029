#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "layers/page.hpp"

namespace rorqual::layers {

/// A row of pages of one size that only grows at its end, where forks share what is full and copy the page that one of them writes to.
/// Not thread-safe; forks are independent.
class SharedPages {
 public:
    /// `memory` is borrowed for the life of these pages and of all their forks.
    SharedPages(std::size_t page_bytes, std::pmr::memory_resource& memory) : page_bytes_(page_bytes), memory_(&memory), pages_(&memory) {}
    /// The first `count` pages of `other`, shared with it. Throws std::bad_alloc.
    SharedPages(const SharedPages& other, std::int64_t count);
    SharedPages(SharedPages&&) noexcept = default;
    SharedPages& operator=(SharedPages&&) = default;

    /// Room for `count` pages, of which `growing` and those behind it will be written to: that one is then nobody else's, and may be another than
    /// before. Throws std::bad_alloc and leaves everything as it was.
    void reserve(std::int64_t count, std::int64_t growing);
    /// Lets go of pages `count` and behind.
    void drop_behind(std::int64_t count) noexcept;

    [[nodiscard]] std::byte* operator[](std::int64_t index) const noexcept { return pages_[static_cast<std::size_t>(index)].data(); }
    [[nodiscard]] std::size_t bytes() const noexcept { return pages_.size() * page_bytes_; }
    [[nodiscard]] std::size_t page_bytes() const noexcept { return page_bytes_; }
    [[nodiscard]] std::pmr::memory_resource& memory() const noexcept { return *memory_; }

 private:
    std::size_t page_bytes_;
    std::pmr::memory_resource* memory_;
    std::pmr::vector<Page> pages_;
};

}  // namespace rorqual::layers
