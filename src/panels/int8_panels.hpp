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

}  // namespace rorqual::panels
