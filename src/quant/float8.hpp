#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace rorqual::quant {

namespace detail {

// OCP 8-bit floating point, E4M3: 1-4-3, bias 7, no infinity; S.1111.111 is NaN. Largest 448, subnormals m·2^-9.
consteval std::array<float, 256> f8_e4m3_table() {
    std::array<float, 256> table{};
    for (std::uint32_t code = 0; code < 256; ++code) {
        const std::uint32_t exponent = (code >> 3) & 15;
        const std::uint32_t mantissa = code & 7;
        float magnitude = static_cast<float>(mantissa) * 0x1p-9F;
        if (exponent != 0) magnitude = std::bit_cast<float>((exponent + 120) << 23 | mantissa << 20);
        if (exponent == 15 && mantissa == 7) magnitude = std::numeric_limits<float>::quiet_NaN();
        table[code] = (code & 0x80) != 0 ? -magnitude : magnitude;
    }
    return table;
}

// OCP microscaling, E8M0: 2^(code − 127), 0xFF is NaN. Code 0 is 2^-127, which f32 holds as a subnormal.
consteval std::array<float, 256> f8_e8m0_table() {
    std::array<float, 256> table{};
    for (std::uint32_t code = 1; code < 255; ++code) table[code] = std::bit_cast<float>(code << 23);
    table[0] = 0x1p-127F;
    table[255] = std::numeric_limits<float>::quiet_NaN();
    return table;
}

}  // namespace detail

/// The value of every code: the whole decoder. Exact.
inline constexpr std::array<float, 256> f8_e4m3_values = detail::f8_e4m3_table();
inline constexpr std::array<float, 256> f8_e8m0_values = detail::f8_e8m0_table();

/// f32 → E4M3, to nearest, ties to even; beyond the largest value it is that one. A NaN stays one.
static inline std::uint8_t f8_e4m3_from_f32(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 24) & 0x80U;
    std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<std::uint8_t>(sign | 0x7FU);
    if (magnitude >= std::bit_cast<std::uint32_t>(448.0F)) return static_cast<std::uint8_t>(sign | 0x7EU);
    if (magnitude < std::bit_cast<std::uint32_t>(0x1p-6F)) {
        // Codes here are multiples of 2^-9, the unit in the last place of 2^14, so that the addition rounds.
        const float shifted = std::bit_cast<float>(magnitude) + 0x1p14F;
        return static_cast<std::uint8_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0x1p14F)));
    }
    magnitude += 0x7FFFFU + ((magnitude >> 20) & 1U);
    return static_cast<std::uint8_t>(sign | ((magnitude - (120U << 23)) >> 20));
}

}  // namespace rorqual::quant
