#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>

#include "quant/half.hpp"

namespace rorqual::quant {

/// Little-endian fields of a block, at any alignment.
static inline void put_u16(std::byte* p, std::uint16_t value) {
    p[0] = static_cast<std::byte>(value & 255);
    p[1] = static_cast<std::byte>(value >> 8);
}
static inline void put_u32(std::byte* p, std::uint32_t value) {
    put_u16(p, static_cast<std::uint16_t>(value & 0xFFFF));
    put_u16(p + 2, static_cast<std::uint16_t>(value >> 16));
}
static inline void put_half(std::byte* p, float value) { put_u16(p, f16_from_f32(value)); }

/// The low four bits of 32 codes in the order of Q4_0: codes 0–15 in the low nibbles, 16–31 in the high ones.
static inline void put_nibbles(std::byte* qs, const std::uint8_t* codes) {
    for (int j = 0; j < 16; ++j) qs[j] = static_cast<std::byte>((codes[j] & 15) | (codes[j + 16] & 15) << 4);
}
/// Bit i is the fifth bit of code i.
static inline std::uint32_t fifth_bits(const std::uint8_t* codes) {
    std::uint32_t bits = 0;
    for (int i = 0; i < 32; ++i) bits |= static_cast<std::uint32_t>(codes[i] >> 4 & 1) << i;
    return bits;
}

/// 1/d, or 0 where that is not finite: such a d is far below the smallest half, and its block decodes to zeros.
static inline float inverse_or_zero(float d) {
    const float inverse = 1.0F / d;
    return std::isfinite(inverse) ? inverse : 0.0F;
}

/// `value` cut to an integer code of at most `highest`; value ≥ 0.
static inline std::uint8_t code_at_most(float value, float highest) {
    return static_cast<std::uint8_t>(value < highest ? value : highest);
}

/// The value of largest magnitude with its sign; the first of equals.
static inline float largest_signed(const float* values, int count) {
    float largest = 0;
    for (int i = 0; i < count; ++i) {
        if (std::fabs(values[i]) > std::fabs(largest)) largest = values[i];
    }
    return largest;
}

struct Range {
    float lowest, highest;
};
static inline Range range_of(const float* values, int count) {
    Range range{values[0], values[0]};
    for (int i = 1; i < count; ++i) {
        if (values[i] < range.lowest) range.lowest = values[i];
        if (values[i] > range.highest) range.highest = values[i];
    }
    return range;
}

}  // namespace rorqual::quant
