#pragma once

#include <array>
#include <cstdint>

namespace rorqual::quant {

/// The sixteen values a nibble of IQ4_NL and IQ4_XS stands for.
inline constexpr std::array<std::int8_t, 16> iq4_values = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

/// The sixteen values of FP4 E2M1, doubled so that they are integers. OCP Microscaling Formats v1.0, §5.3.3.
inline constexpr std::array<std::int8_t, 16> e2m1_doubled = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace rorqual::quant
