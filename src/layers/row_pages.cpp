#include "layers/row_pages.hpp"

#include <algorithm>

#include "base/ceil_div.hpp"
#include "layers/stored_row.hpp"

namespace rorqual::layers {

namespace {

constexpr std::int64_t pages_of(std::int64_t rows) noexcept { return ceil_div(rows, RowPages::rows_a_page); }

}  // namespace

RowPages::RowPages(CacheFormat format, std::int64_t width, std::pmr::memory_resource& memory)
    : format_(format), width_(width), pages_(page_bytes(format, width), memory) {}

RowPages::RowPages(const RowPages& other, std::int64_t rows) : format_(other.format_), width_(other.width_), pages_(other.pages_, pages_of(rows)) {}

std::size_t RowPages::page_bytes(CacheFormat format, std::int64_t width) noexcept {
    return static_cast<std::size_t>(rows_a_page * width * value_bytes(format));
}

std::size_t RowPages::bytes_of(CacheFormat format, std::int64_t width, std::int64_t rows) noexcept {
    return static_cast<std::size_t>(pages_of(rows)) * page_bytes(format, width);
}

void RowPages::reserve(std::int64_t kept, std::int64_t rows) {
    if (rows > kept) pages_.reserve(pages_of(rows), kept / rows_a_page);
}

void RowPages::drop_behind(std::int64_t rows) noexcept { pages_.drop_behind(pages_of(rows)); }

std::byte* RowPages::at(std::int64_t row) const noexcept {
    return pages_[row / rows_a_page] + row % rows_a_page * width_ * value_bytes(format_);
}

void RowPages::save(std::int64_t rows, const SaveBytes& to) const {
    for (std::int64_t first = 0; first < rows; first += rows_a_page) to({at(first), static_cast<std::size_t>(std::min(rows_a_page, rows - first) * width_ * value_bytes(format_))});
}

void RowPages::load(std::int64_t rows, const LoadBytes& from) {
    for (std::int64_t first = 0; first < rows; first += rows_a_page) {
        const auto count = std::min(rows_a_page, rows - first);
        reserve(first, first + count);  // page by page: what is not there is found out before memory is taken for it
        from({at(first), static_cast<std::size_t>(count * width_ * value_bytes(format_))});
    }
}

void RowPages::put(std::int64_t row, std::span<const float> values) noexcept { store_row(format_, values, at(row)); }

void RowPages::get(std::int64_t row, std::span<float> values) const noexcept { load_row(format_, at(row), values); }

}  // namespace rorqual::layers
