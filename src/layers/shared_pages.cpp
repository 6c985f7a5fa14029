#include "layers/shared_pages.hpp"

#include <algorithm>
#include <cstring>

namespace rorqual::layers {

SharedPages::SharedPages(const SharedPages& other, std::int64_t count) : SharedPages(other.page_bytes_, *other.memory_) {
    pages_.assign(other.pages_.begin(), other.pages_.begin() + count);
}

void SharedPages::reserve(std::int64_t count, std::int64_t growing) {
    const auto had = pages_.size();
    const auto needed = std::max(had, static_cast<std::size_t>(count));
    pages_.reserve(needed);
    try {
        while (pages_.size() < needed) pages_.emplace_back(page_bytes_, *memory_);
        // Only the page that still grows can be both shared and written: those before are full, those behind are new.
        const auto written = static_cast<std::size_t>(growing);
        if (written < had && pages_[written].shared()) {
            Page own(page_bytes_, *memory_);
            std::memcpy(own.data(), pages_[written].data(), page_bytes_);
            pages_[written] = std::move(own);
        }
    } catch (...) {
        drop_behind(static_cast<std::int64_t>(had));
        throw;
    }
}

void SharedPages::drop_behind(std::int64_t count) noexcept {
    if (static_cast<std::size_t>(count) < pages_.size()) pages_.erase(pages_.begin() + count, pages_.end());
}

}  // namespace rorqual::layers
