#pragma once

#include <cstddef>
#include <cstdint>

#include "panels/layout.hpp"
#include "panels/quantised_rows.hpp"

namespace rorqual::panels {

/// Matrices in format i8, which the engine fills while it runs: keys and values of attention. A super-block of 256 columns has one f32
/// scale a row. Everything here is pure; different rows of one matrix may be written at the same time.

/// Writes rows of x as rows [first, first + x.rows) of the panels at `to`, which have x.cols columns.
void put_rows(const QuantisedRows& x, std::int64_t first, std::byte* to);

/// The way back: rows [first, first + to.rows) of w, which has to.cols columns.
void take_rows(const Panels& w, std::int64_t first, const QuantisedRows& to);

/// What the codes of every row are multiplied with in columns [256·super, 256·(super + 1)): to [w.rows].
void scales_of(const Panels& w, std::int64_t super, float* to) noexcept;

/// Columns of the matrix that transpose() makes of `rows` rows: so many in whole blocks.
[[nodiscard]] constexpr std::int64_t transposed_cols(std::int64_t rows) noexcept { return (rows + block_k - 1) / block_k * block_k; }

/// The codes in columns [256·super, …) of w as rows: panels [≤ 256, transposed_cols(w.rows)] at `to`, with scale one. A column beyond
/// w.rows holds what w's last panel holds there, or zeros. w.rows ≤ 256, so that one scale a row is enough.
using TransposeFn = void (*)(const Panels& w, std::int64_t super, std::byte* to);

}  // namespace rorqual::panels
