#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

#include "layers/row_format.hpp"
#include "layers/shared_pages.hpp"
#include "layers/state.hpp"

namespace rorqual::layers {

/// Rows of one format in pages that copies share: row i of the sequence is row i % 32 of page i / 32. A copy shares the pages until one of the
/// two writes to them.
class RowPages {
 public:
    static constexpr std::int64_t rows_a_page = 32;  ///< small, so that little is taken ahead of the text: entries stand for many tokens

    /// `memory` is borrowed for the life of these pages and of all copies.
    RowPages(const RowFormat& format, std::pmr::memory_resource& memory);
    /// The pages of `other` up to `rows` rows.
    RowPages(const RowPages& other, std::int64_t rows);

    /// Makes room for `rows` rows, of which those from `kept` on will be written. Throws std::bad_alloc; what was there stays as it was.
    void reserve(std::int64_t kept, std::int64_t rows);
    /// Lets go of the pages behind `rows` rows.
    void drop_behind(std::int64_t rows) noexcept;

    /// In reserved room.
    void put(std::int64_t row, std::span<const float> values) noexcept;
    void get(std::int64_t row, std::span<float> values) const noexcept;

    /// Writes the first `rows` rows; and takes so many over, where there are none. Throws std::bad_alloc and what `to` and `from` throw.
    void save(std::int64_t rows, const SaveBytes& to) const;
    void load(std::int64_t rows, const LoadBytes& from);

    [[nodiscard]] const RowFormat& format() const noexcept { return format_; }
    [[nodiscard]] std::size_t bytes() const noexcept { return pages_.bytes(); }
    /// Bytes of the pages that `rows` rows take.
    [[nodiscard]] static std::size_t bytes_of(const RowFormat& format, std::int64_t rows) noexcept;

 private:
    [[nodiscard]] std::byte* at(std::int64_t row) const noexcept;
    /// Rows `first` … that are behind it in its page, up to `end`; as bytes.
    [[nodiscard]] std::span<std::byte> rest_of_page(std::int64_t first, std::int64_t end) const noexcept;

    RowFormat format_;
    SharedPages pages_;
};

}  // namespace rorqual::layers
