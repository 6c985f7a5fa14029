#pragma once

#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::panels {

/// Activations as the packed products want them: int8 with one scale per 256 values, quantised once and shared by every matrix
/// they meet. x[t,k] ≈ scale[t, k/256] · q[t,k], |q| ≤ 127; sums[t, k/16] and block_sums[t, k/32] are Σ q over 16 and 32 values.
struct QuantisedRows {
    std::int8_t* q = nullptr;            ///< [T, cols]
    float* scale = nullptr;              ///< [T, supers()]
    std::int16_t* sums = nullptr;        ///< [T, cols/16]
    std::int16_t* block_sums = nullptr;  ///< [T, cols/32]
    std::int64_t rows = 0;
    std::int64_t cols = 0;  ///< a multiple of 32

    [[nodiscard]] std::int64_t supers() const noexcept { return (cols + 255) / 256; }
    [[nodiscard]] static QuantisedRows take(cpu::Arena& arena, std::int64_t rows, std::int64_t cols);
    /// Rows [first, first + count).
    [[nodiscard]] QuantisedRows slice_rows(std::int64_t first, std::int64_t count) const noexcept {
        return {q + first * cols, scale + first * supers(), sums + first * cols / 16, block_sums + first * cols / 32, count, cols};
    }
    /// The first `count` rows; the same buffers for a narrower matrix.
    [[nodiscard]] QuantisedRows shaped(std::int64_t count, std::int64_t width) const noexcept { return {q, scale, sums, block_sums, count, width}; }
};

/// Quantises rows [first, first + count) of x. Round to nearest, ties to even; the largest magnitude of 256 becomes ±127.
/// A row with NaN or infinity gives NaN scales, so that its results are NaN.
using QuantiseFn = void (*)(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to);

}  // namespace rorqual::panels
