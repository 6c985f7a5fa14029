#pragma once

#include <cstddef>
#include <span>

#include "rorqual/dtype.hpp"

namespace rorqual::quant {

/// True for the formats that decode() knows: floating-point numbers and the block formats, not integers.
[[nodiscard]] bool can_decode(DType dtype) noexcept;

/// out[i] = value i of `bytes`, which holds out.size() values of `dtype`, whole blocks, at any alignment. f64 is rounded to
/// nearest; everything else is exact or, where a format multiplies, computed in f32 in the order its decode.cpp says. Any
/// bytes will do: a NaN or infinite scale gives such values. Plain loops: for loading and for tests, not for the token path.
/// Throws Error(internal) if the sizes disagree or can_decode(dtype) is false.
void decode(DType dtype, std::span<const std::byte> bytes, std::span<float> out);

/// decode_q4_0 …: one block of block_bytes() bytes to its block_length() values. The truth that kernels are tested against.
#define RQ_BLOCK_FORMAT(name, length, bytes) void decode_##name(const std::byte* block, float* out);
#include "quant/block_formats.inc"
#undef RQ_BLOCK_FORMAT

}  // namespace rorqual::quant
