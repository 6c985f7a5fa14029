#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace rorqual::quant {

/// Weights in FP4 E2M1 as DeepSeek-V4 publishes them: a byte holds two neighbours of a row, the first one in its low nibble, and 32 of
/// a row share an E8M0 scale in a matrix beside it. w[n,k] = 2^(scale[n, k/32] − 127)·E2M1(code[n,k]). Reference: DeepSeek-V4
/// inference/convert.py.
inline constexpr std::int64_t fp4_block = 32;

/// The same weights as blocks of MXFP4, exactly: scales and codes as they are, in the order of those blocks. codes: 16 bytes a block, scales: one;
/// out: 17. Whole blocks, in the order of a row.
void mxfp4_from_pairs(std::span<const std::byte> codes, std::span<const std::byte> scales, std::span<std::byte> out) noexcept;

}  // namespace rorqual::quant
