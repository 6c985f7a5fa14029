#pragma once

#include <array>
#include <cstdint>

#include "quant/block_reader.hpp"

namespace rorqual::quant {

/// Codebooks of the IQ formats: an index stands for a row of eight (IQ1, IQ2) or four (IQ3) magnitudes.
extern const std::array<std::uint16_t, 256> iq2_xxs_grid;
extern const std::array<std::uint16_t, 512> iq2_xs_grid;
extern const std::array<std::uint16_t, 1024> iq2_s_grid;
extern const std::array<std::uint16_t, 256> iq3_xxs_grid;
extern const std::array<std::uint16_t, 512> iq3_s_grid;
extern const std::array<std::uint16_t, 2048> iq1_grid;

/// Magnitude of weight i in a packed row of the IQ2 grids.
static inline float iq2_magnitude(std::uint16_t row, int i) {
    constexpr float magnitudes[4] = {8, 25, 43, 0};
    return magnitudes[row >> (2 * i) & 3];
}
/// −1, 0 or 1: weight i in a packed row of the IQ1 grid.
static inline float iq1_value(std::uint16_t row, int i) { return static_cast<float>((row >> (2 * i) & 3) - 1); }
/// Magnitude of weight i in a packed row of the IQ3_XXS grid.
static inline float iq3_xxs_magnitude(std::uint16_t row, int i) {
    constexpr float magnitudes[8] = {4, 12, 20, 28, 36, 44, 52, 62};
    return magnitudes[row >> (4 * i) & 7];
}
/// Magnitude of weight i in a packed row of the IQ3_S grid: the odd numbers 1 … 15.
static inline float iq3_s_magnitude(std::uint16_t row, int i) { return static_cast<float>(2 * (row >> (4 * i) & 7) + 1); }

/// Eight signs from seven bits: the eighth makes the number of minus signs even. Bit i set = weight i is negative.
static inline std::uint8_t even_signs(std::uint32_t seven) {
    std::uint32_t parity = seven & 127;
    parity ^= parity >> 4;
    parity ^= parity >> 2;
    parity ^= parity >> 1;
    return static_cast<std::uint8_t>((seven & 127) | (parity & 1) << 7);
}
static inline float signed_by(float magnitude, std::uint8_t signs, int i) { return (signs >> i & 1) != 0 ? -magnitude : magnitude; }

}  // namespace rorqual::quant
