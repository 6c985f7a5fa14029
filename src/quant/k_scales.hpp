#pragma once

#include "quant/block_reader.hpp"

namespace rorqual::quant {

/// The six-bit scale and minimum of one of the eight groups of 32 weights in Q4_K and Q5_K, packed in 12 bytes:
/// groups 0–3 lie in the low six bits of bytes j and j + 4; groups 4–7 in the nibbles of bytes j + 4, with their two high
/// bits in the top of bytes j − 4 and j.
struct ScaleMin {
    std::uint8_t scale;
    std::uint8_t min;
};

static inline ScaleMin k_scale_min(const std::byte* packed, int group) {
    if (group < 4) {
        return {static_cast<std::uint8_t>(byte_at(packed, group) & 63), static_cast<std::uint8_t>(byte_at(packed, group + 4) & 63)};
    }
    const std::uint8_t nibbles = byte_at(packed, group + 4);
    return {static_cast<std::uint8_t>(low_nibble(nibbles) | (byte_at(packed, group - 4) >> 6) << 4),
            static_cast<std::uint8_t>(high_nibble(nibbles) | (byte_at(packed, group) >> 6) << 4)};
}

/// The way back: eight six-bit scales and minima into 12 bytes.
static inline void put_k_scales(std::byte* packed, const std::uint8_t* scales, const std::uint8_t* mins) {
    for (int j = 0; j < 4; ++j) {
        packed[j] = static_cast<std::byte>(scales[j] | scales[j + 4] >> 4 << 6);
        packed[j + 4] = static_cast<std::byte>(mins[j] | mins[j + 4] >> 4 << 6);
        packed[j + 8] = static_cast<std::byte>((scales[j + 4] & 15) | (mins[j + 4] & 15) << 4);
    }
}

}  // namespace rorqual::quant
