#pragma once

#include <cstddef>
#include <cstdint>

#include "rorqual/dtype.hpp"

namespace rorqual::panels {

/// The packed layout of quantised weights, the same bytes for every machine and for one token or many.
///
/// A panel is 16 rows of the matrix. Along k it is a row of super-blocks of 256 (the last may be shorter, in steps of 32). A
/// super-block is a header with the 16 rows' scales, padded to 64 bytes, and then the codes, 32 k at a time:
///
///   line      64 bytes: byte 4·r + i belongs to row r and element i of a quad (4 consecutive k)
///   4 bits    4 lines a block; line j holds quad 2j in its low nibbles and quad 2j+1 in its high ones
///   1 bit     1 line a block; bit j of a byte belongs to quad j                        (the fifth bit, the third of Q3_K)
///   2 bits    2 lines a block; bits 2(j mod 4) of line j/4 belong to quad j            (bits 5–6 of Q6_K, the low bits of Q2_K, Q3_K)
///   8 bits    8 lines a block; line j is quad j
///
/// A lane of four bytes belongs to one row, so that products need no horizontal sum and activations are broadcast from memory.
inline constexpr std::int64_t panel_rows = 16;
inline constexpr std::int64_t super_k = 256;
inline constexpr std::int64_t block_k = 32;
inline constexpr std::int64_t quads = block_k / 4;
inline constexpr std::int64_t line_bytes = 64;

/// A borrowed matrix in the packed layout: [rows, cols], ⌈rows/16⌉ panels one after another, 64-byte aligned. Rows beyond the
/// last are zero.
struct Panels {
    DType format = DType::q4_k;  ///< of the weights it was packed from
    const std::byte* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t cols = 0;

    [[nodiscard]] std::int64_t count() const noexcept { return (rows + panel_rows - 1) / panel_rows; }
    [[nodiscard]] std::int64_t panel_bytes() const noexcept;
    [[nodiscard]] std::int64_t bytes() const noexcept { return count() * panel_bytes(); }
    /// Panels [first, first + number).
    [[nodiscard]] Panels slice(std::int64_t first, std::int64_t number) const noexcept;
};

/// True if pack() takes the format; other weights are computed from their rows as stored.
[[nodiscard]] bool packable(DType format) noexcept;

/// Bytes of one panel of `cols` columns.
[[nodiscard]] std::int64_t panel_bytes(DType format, std::int64_t cols) noexcept;

/// Packs rows [16·first, 16·(first+count)) of a matrix as stored in a file (`rows` rows of whole blocks, adjacent) into `to`.
/// Pure rearranging: every code and scale survives. Any thread; different panels at the same time.
void pack(DType format, const std::byte* matrix, std::int64_t rows, std::int64_t cols, std::int64_t first, std::int64_t count, std::byte* to);

/// The way back: rows [first, first + count) of w as f32, adjacent in `to`: bit for bit what quant::decode makes of the file's blocks.
/// Any thread. Reading one row of a panel costs the memory traffic of all 16.
void decode_rows(const Panels& w, std::int64_t first, std::int64_t count, float* to);

}  // namespace rorqual::panels
