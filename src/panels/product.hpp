#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "panels/layout.hpp"
#include "panels/quantised_rows.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::panels {

/// y[t,n] = Σ_k W[n,k]·x[row(t),k] for the panels of `w` and T tokens, on one thread.
///
///   w        any slice of a packed matrix
///   x        quantised rows; token t uses row `ids ? ids[t] : t` of it (a gather costs nothing)
///   y        [T, w.rows] f32, overwritten
///   scratch  scratch_bytes() of the thread's own, 64-byte aligned
///
/// Numbers. For a token and a row, block sums of code × activation are exact integers. Then, in the order of k:
///   K formats (integer scales):  S = Σ_g sc_g·isum_g,  M = Σ_b mn_b·bsum_b,  acc = fma(S, d·dx, acc),  acc = fma(−M, dmin·dx, acc)   per 256
///   i8 (one scale):              acc = fma(isum, d·dx, acc)                                                                    per 256
///   others (a scale per 32):     A = fma(isum_b, d_b, A) [, A = fma(m_b, bsum_b, A)]  per block,  acc = fma(A, dx, acc)               per 256
/// S and M are exact below 2^24 (always, but for extremes that no real file has), so every instruction set, every T and every
/// tiling gives the same bits. dx is the activation's scale.
using ProductFn = void (*)(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch);

/// From this many tokens on, a large tile of codes is unpacked once and met by all.
inline constexpr std::int64_t tile_tokens = 8;

/// Panels that a product for many tokens is best cut into multiples of: kernels take no more at once.
inline constexpr std::int64_t tile_panels = 6;

/// Panels × columns of the largest tile that a kernel unpacks: with its scales and the tokens it stays in a second-level cache.
inline constexpr std::int64_t largest_tile = 6 * 1024;

/// Scratch of one product: the tile's codes, and scale and minimum lines of its groups of 16.
[[nodiscard]] constexpr std::int64_t scratch_bytes() noexcept {
    return largest_tile * panel_rows + largest_tile / 16 * 2 * line_bytes + largest_tile / super_k * 2 * line_bytes;
}

/// y[t,k] = Σ_n x[t,n]·W[n,k] for W in format i8, on one thread: weights of rows, which vary with the token, against the rows.
///
///   w        at most transposed_rows rows
///   x        [T, w.rows] f32
///   y        [T, w.cols] f32, overwritten
///   next     what the thread will read after this: fetched into its caches meanwhile; may be empty
///   scratch  scratch_bytes() of the thread's own, 64-byte aligned
///
/// Numbers. Per token and super-block, x[t,n]·d_n (d_n: the row's scale) is rounded to int16, to nearest with ties to even, so that the
/// largest magnitude becomes ±32767; below 2^-110 they count as zeros. The sum of products with codes is an exact integer, rounded to f32
/// once and multiplied by the scale once: the same bits from every instruction set. What is not finite makes its token's super-block NaN.
using TransposedProductFn = void (*)(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch);

/// So many rows at most: Σ |int16 · (code + 128)| stays below 2^31.
inline constexpr std::int64_t transposed_rows = 256;

}  // namespace rorqual::panels
