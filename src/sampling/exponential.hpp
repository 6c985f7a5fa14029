#pragma once

#include <bit>
#include <cstdint>

namespace rorqual::sampling {

/// condition ? yes : no, by bits: compilers turn the operator into a branch here, and then leave the loop around it scalar.
inline float choose(bool condition, float yes, float no) noexcept {
    const std::uint32_t mask = 0u - static_cast<std::uint32_t>(condition);
    return std::bit_cast<float>((std::bit_cast<std::uint32_t>(yes) & mask) | (std::bit_cast<std::uint32_t>(no) & ~mask));
}

/// e^x for x ≤ 0, to two units in the last place, with the same bits on every machine: additions and multiplications in a
/// fixed order, where the C library's exp may differ in the last bit and with it the token drawn. Without branches, so that
/// loops over it become vector code. At −87 and below, where the result would leave the normal numbers, and for NaN: 0.
inline float exponential(float x) noexcept {
    // x = k·ln 2 + r with |r| ≤ ln 2 / 2. Adding 1.5·2²³ rounds to a whole number, which then stands in the low bits of the
    // sum. The high part of ln 2 has 17 bits: k times it is exact.
    constexpr float round = 0x1.8p23f, log2_e = 0x1.715476p0f, ln2_high = 0x1.62e4p-1f, ln2_low = 0x1.7f7d1cp-20f;
    const float shifted = x * log2_e + round;
    const float k = shifted - round;
    const float r = (x - k * ln2_high) - k * ln2_low;
    // Taylor's series up to r⁷: what is left out is below 2⁻²⁷ of the sum.
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    const float power = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3F800000u);  // 2^k
    return choose(x > -87.0f, sum * power, 0.0f);
}

}  // namespace rorqual::sampling
