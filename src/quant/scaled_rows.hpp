#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rorqual::quant {

/// Rows of activations as DeepSeek-V4 rounds what it remembers: codes of a few bits, and for each block of neighbours an E8M0 scale, the
/// smallest power of two that lets the format's largest value reach the block's. Reference: DeepSeek-V4 inference/kernel.py.
/// The last block of a row may be shorter.
///
/// What is not finite has no code: its whole block is read back as NaN, so that a row that went wrong does not look like one that did not. Values
/// whose nearest code stands for 2^128 come back as infinity, as they do from bf16.

/// E4M3, 64 values to a scale; values below 1e-4 alone do not make a scale finer. codes: a byte a value; scales: a byte a block.
inline constexpr std::int64_t e4m3_row_block = 64;
void encode_e4m3_row(std::span<const float> values, std::byte* codes, std::byte* scales) noexcept;
void decode_e4m3_row(const std::byte* codes, const std::byte* scales, std::span<float> values) noexcept;

/// FP4 E2M1, 32 values to a scale. codes: two neighbours a byte, the first in its low nibble; an even number of values.
inline constexpr std::int64_t e2m1_row_block = 32;
void encode_e2m1_row(std::span<const float> values, std::byte* codes, std::byte* scales) noexcept;
void decode_e2m1_row(const std::byte* codes, const std::byte* scales, std::span<float> values) noexcept;

}  // namespace rorqual::quant
