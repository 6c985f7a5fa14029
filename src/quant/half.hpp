#pragma once

#include <bit>
#include <cstdint>

// `static`: these are included by files compiled for one instruction set too, and a function shared between files would
// be merged by the linker into whichever copy it meets first.
namespace rorqual::quant {

/// IEEE half (1-5-10, bias 15) → f32. Exact; subnormals are kept, a signalling NaN comes out quiet, as vcvtph2ps has it.
static inline float f32_from_f16(std::uint16_t code) noexcept {
    const std::uint32_t sign = (code & 0x8000U) << 16;
    const std::uint32_t exponent = (code >> 10) & 31U;
    const std::uint32_t mantissa = code & 0x3FFU;
    if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000U | (mantissa != 0 ? 0x400000U : 0U) | mantissa << 13);
    if (exponent == 0) {
        const float magnitude = static_cast<float>(mantissa) * 0x1p-24F;
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(magnitude));
    }
    return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
}

/// f32 → IEEE half, to nearest, ties to even; beyond the largest half: infinity. A NaN stays one.
static inline std::uint16_t f16_from_f32(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000U;
    std::uint32_t magnitude = bits & 0x7FFFFFFFU;
    if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U | ((magnitude >> 13) & 0x3FFU));
    if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7C00U);  // ≥ 65520 rounds to infinity
    if (magnitude < 0x38800000U) {
        // Below 2^-14: halves are multiples of 2^-24, the unit in the last place of 0.5, so that the addition rounds.
        const float shifted = std::bit_cast<float>(magnitude) + 0.5F;
        return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - std::bit_cast<std::uint32_t>(0.5F)));
    }
    magnitude += 0xFFFU + ((magnitude >> 13) & 1U);
    return static_cast<std::uint16_t>(sign | ((magnitude - (112U << 23)) >> 13));
}

/// bf16, the high half of an f32 → f32. Exact.
static inline float f32_from_bf16(std::uint16_t code) noexcept {
    return std::bit_cast<float>(static_cast<std::uint32_t>(code) << 16);
}

/// f32 → bf16, to nearest, ties to even. A NaN stays one, quiet.
static inline std::uint16_t bf16_from_f32(float value) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    if ((bits & 0x7FFFFFFFU) > 0x7F800000U) return static_cast<std::uint16_t>((bits >> 16) | 0x40U);
    return static_cast<std::uint16_t>((bits + 0x7FFFU + ((bits >> 16) & 1U)) >> 16);
}

}  // namespace rorqual::quant
