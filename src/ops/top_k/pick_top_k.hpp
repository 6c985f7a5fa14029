#pragma once

#include <cstdint>
#include <span>

namespace rorqual::ops {

/// The places of the ids.size() largest values of `row`, ascending: the set that top_k() finds (ties by lower index, NaN as −∞), in the order in
/// which what they stand for lies in memory. Takes time by the length of `row` alone, and no memory. ids.size() ≤ row.size() < 2³¹. Any thread.
void pick_top_k(std::span<const float> row, std::span<std::int32_t> ids) noexcept;

}  // namespace rorqual::ops
