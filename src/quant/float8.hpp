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

}  // namespace rorqual::quant
