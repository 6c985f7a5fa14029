#pragma once

#include <cstddef>
#include <span>

#include "rorqual/dtype.hpp"

namespace rorqual::quant {

/// True for the formats that encode() makes: f32, f16, bf16 and those of encoders.inc.
[[nodiscard]] bool can_encode(DType dtype) noexcept;

/// Stores `values` as `dtype` in `bytes`, which holds exactly that many, whole blocks, at any alignment. The same values
/// give the same bytes on every machine. Q8_0, Q4_0, Q4_1, Q5_0 and Q5_1 are the bytes llama.cpp writes; the other block
/// formats are found by a least-squares search (fit.hpp) and are closer to the values than its reference quantiser's.
/// Throws Error(invalid_argument) naming the index of a value that is not finite or that the format's half-precision
/// scales cannot reach (beyond ±65504; f32 and bf16 take any finite value), Error(internal) if the sizes disagree or
/// can_encode(dtype) is false.
void encode(DType dtype, std::span<const float> values, std::span<std::byte> bytes);

/// encode_q4_0 …: block_length() values to one block of block_bytes(). Expects what encode() has checked.
#define RQ_ENCODER(name) void encode_##name(const float* values, std::byte* block);
#include "quant/encoders.inc"
#undef RQ_ENCODER

}  // namespace rorqual::quant
