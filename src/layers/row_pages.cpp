#include "layers/row_pages.hpp"

#include <algorithm>

#include "base/ceil_div.hpp"

namespace rorqual::layers {

namespace {

constexpr std::int64_t pages_of(std::int64_t rows) noexcept { return ceil_div(rows, RowPages::rows_a_page); }

}  // namespace

RowPages::RowPages(const RowFormat& format, std::pmr::memory_resource& memory) : format_(format), pages_(bytes_of(format, 1), memory) {}

RowPages::RowPages(const RowPages& other, std::int64_t rows) : format_(other.format_), pages_(other.pages_, pages_of(rows)) {}

std::size_t RowPages::bytes_of(const RowFormat& format, std::int64_t rows) noexcept {
    return static_cast<std::size_t>(pages_of(rows) * rows_a_page * format.bytes());
}

void RowPages::reserve(std::int64_t kept, std::int64_t rows) {
    if (rows > kept) pages_.reserve(pages_of(rows), kept / rows_a_page);
}

void RowPages::drop_behind(std::int64_t rows) noexcept { pages_.drop_behind(pages_of(rows)); }

std::byte* RowPages::at(std::int64_t row) const noexcept { return pages_[row / rows_a_page] + row % rows_a_page * format_.bytes(); }

std::span<std::byte> RowPages::rest_of_page(std::int64_t first, std::int64_t end) const noexcept {
    return {at(first), static_cast<std::size_t>(std::min(rows_a_page - first % rows_a_page, end - first) * format_.bytes())};
}

void RowPages::save(std::int64_t rows, const SaveBytes& to) const {
    for (std::int64_t first = 0; first < rows; first += rows_a_page) to(rest_of_page(first, rows));
}

void RowPages::load(std::int64_t rows, const LoadBytes& from) {
    for (std::int64_t first = 0; first < rows; first += rows_a_page) {
        reserve(first, std::min(first + rows_a_page, rows));  // page by page: what is not there is found out before memory is taken for it
        from(rest_of_page(first, rows));
    }
}

void RowPages::put(std::int64_t row, std::span<const float> values) noexcept { format_.store(values, at(row)); }

void RowPages::get(std::int64_t row, std::span<float> values) const noexcept { format_.load(at(row), values); }

}  // namespace rorqual::layers
