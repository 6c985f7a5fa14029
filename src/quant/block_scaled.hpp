#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual {

/// What a matrix in f8_e4m3 needs beside its codes: a scale for each block of rows × columns, the last ones of which may be smaller.
/// w[n,k] = code[n,k] · scale[n / block_rows, k / block_cols]. DeepSeek-V3 §3.3; reference: DeepSeek-V3 inference/kernel.py, weight_dequant.
/// Products of mode fast use a packed copy, where there is one: the same weights quantised anew, 32 of them at a time, to eight bits.
struct BlockScales {
    const std::byte* codes = nullptr;  ///< of the whole matrix, which views of it lie in
    std::int64_t block_rows = 0, block_cols = 0;
    std::vector<float> values{};  ///< [⌈rows/block_rows⌉, across]
    std::int64_t across = 0;      ///< ⌈cols/block_cols⌉
    WeightView panels{};          ///< the packed copy; without data where there is none

    /// Where the view's first row stands in the whole matrix.
    [[nodiscard]] std::int64_t row_of(const WeightView& w) const noexcept { return w.cols == 0 ? 0 : (w.data - codes) / w.cols; }
};

/// The packed form of a matrix, or of some rows of it: itself, its packed copy, or a view without data where there is neither.
/// Rows as WeightView::slice_rows() takes them of packed matrices.
[[nodiscard]] inline WeightView packed_form(const WeightView& w) noexcept {
    if (w.packed()) return w;
    if (w.scales == nullptr || w.scales->panels.data == nullptr) return {};
    return w.scales->panels.slice_rows(w.scales->row_of(w), w.rows);
}
[[nodiscard]] inline bool has_packed_form(const WeightView& w) noexcept {
    return w.packed() || (w.scales != nullptr && w.scales->panels.data != nullptr);
}

namespace quant {

/// The values of rows of an f8_e4m3 matrix with scales, adjacent: out [w.rows · w.cols]. Each is the f32 product of code and scale.
void decode_scaled(const WeightView& w, float* out);
/// The same of codes that were copied from their matrix: whole rows of it from `first_row` on.
void decode_scaled(const BlockScales& scales, std::int64_t first_row, std::int64_t cols, std::span<const std::byte> codes, std::span<float> out);

}  // namespace quant
}  // namespace rorqual
