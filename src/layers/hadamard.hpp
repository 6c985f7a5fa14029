#pragma once

#include <cstdint>
#include <span>

namespace rorqual::layers {

/// Walsh–Hadamard transform of vectors of `width` values, a power of two, which lie side by side:
///   y_i = Σ_j (−1)^popcount(i & j)·x_j / sqrt(width)
/// It is orthogonal: products of two vectors that both went through it are what they were, to rounding. Each sum has one order.
void hadamard(std::span<float> vectors, std::int64_t width) noexcept;

}  // namespace rorqual::layers
