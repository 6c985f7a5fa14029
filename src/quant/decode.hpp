#pragma once

#include <cstddef>
#include <span>

#include "rorqual/dtype.hpp"

namespace rorqual::quant {

/// True for the formats that decode() knows: the floating-point ones of one value each.
[[nodiscard]] bool can_decode(DType dtype) noexcept;

/// out[i] = value i of `bytes`, which holds out.size() values of `dtype` at any alignment. Exact for f32, f16, bf16,
/// f8_e4m3 and f8_e8m0; f64 is rounded to nearest. Plain loops: for loading and for tests, not for the token path.
/// Throws Error(internal) if the sizes disagree or can_decode(dtype) is false.
void decode(DType dtype, std::span<const std::byte> bytes, std::span<float> out);

}  // namespace rorqual::quant
