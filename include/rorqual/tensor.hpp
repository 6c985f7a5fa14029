#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rorqual/dtype.hpp"

namespace rorqual {

/// A token id. Valid ids are 0 ≤ id < vocab_size of the model.
using Token = std::int32_t;

/// Borrowed view of `rows` vectors of `cols` values; neighbours in a row are adjacent, rows lie `stride` elements apart.
/// Owns nothing: the memory must outlive the view. Shapes are written [rows, cols] everywhere.
template <class T>
struct RowsOf {
    T* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t stride = 0;  ///< elements, ≥ cols

    RowsOf() = default;
    RowsOf(T* values, std::int64_t count, std::int64_t width) : RowsOf(values, count, width, width) {}
    RowsOf(T* values, std::int64_t count, std::int64_t width, std::int64_t step)
        : data(values), rows(count), cols(width), stride(step) {}

    /// Row i as a span of `cols` values; 0 ≤ i < rows is the caller's duty.
    [[nodiscard]] std::span<T> row(std::int64_t i) const noexcept {
        return {data + i * stride, static_cast<std::size_t>(cols)};
    }
    /// Rows [first, first + count).
    [[nodiscard]] RowsOf slice_rows(std::int64_t first, std::int64_t count) const noexcept {
        return {data + first * stride, count, cols, stride};
    }
    /// Columns [first, first + count) of every row.
    [[nodiscard]] RowsOf slice_cols(std::int64_t first, std::int64_t count) const noexcept {
        return {data + first, rows, count, stride};
    }
    operator RowsOf<const T>() const noexcept { return {data, rows, cols, stride}; }
};

using Rows = RowsOf<float>;
using ConstRows = RowsOf<const float>;

struct BlockScales;

/// Borrowed view of a weight matrix [rows, cols]. y = W·x has `rows` outputs and `cols` inputs (PyTorch's [out, in]).
/// As it lies in a file: row-major, rows adjacent, any alignment; block formats have whole blocks in a row. Or packed by the
/// engine: panels of 16 rows (panel_bytes > 0), which only the engine makes.
struct WeightView {
    DType dtype = DType::f32;
    const std::byte* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t panel_bytes = 0;         ///< 0: rows as in a file
    const BlockScales* scales = nullptr;  ///< of f8_e4m3, which stands for nothing without; only the engine has them

    static constexpr std::int64_t panel_rows = 16;

    [[nodiscard]] bool packed() const noexcept { return panel_bytes != 0; }
    /// Of one row as it lies in a file.
    [[nodiscard]] std::int64_t row_bytes() const noexcept { return cols / block_length(dtype) * block_bytes(dtype); }
    [[nodiscard]] std::int64_t bytes() const noexcept {
        return packed() ? (rows + panel_rows - 1) / panel_rows * panel_bytes : rows * row_bytes();
    }
    /// Rows [first, first + count) of the matrix. Of a packed one: `first` is a multiple of 16, and so is `count`, unless the slice ends
    /// where the matrix does.
    [[nodiscard]] WeightView slice_rows(std::int64_t first, std::int64_t count) const noexcept {
        return {dtype, data + (packed() ? first / panel_rows * panel_bytes : first * row_bytes()), count, cols, panel_bytes, scales};
    }
};

/// A plain f32 array seen as a weight matrix.
[[nodiscard]] inline WeightView weight_view(ConstRows contiguous) noexcept {
    return {DType::f32, reinterpret_cast<const std::byte*>(contiguous.data), contiguous.rows, contiguous.cols};
}

}  // namespace rorqual
