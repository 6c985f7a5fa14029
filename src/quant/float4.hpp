#pragma once

#include <cmath>
#include <cstdint>

namespace rorqual::quant {

/// f32 → FP4 E2M1 (magnitudes 0 ½ 1 1½ 2 3 4 6, sign in bit 3), to nearest, ties to the even code; beyond 6 it is 6. There is no NaN.
static inline std::uint8_t e2m1_from_f32(float value) noexcept {
    constexpr float middles[] = {0.25F, 0.75F, 1.25F, 1.75F, 2.5F, 3.5F, 5.0F};
    const float magnitude = std::fabs(value);
    int code = 0;
    for (int k = 0; k < 7; ++k) code += magnitude > middles[k] || (magnitude == middles[k] && k % 2 == 1) ? 1 : 0;
    return static_cast<std::uint8_t>(code | (std::signbit(value) ? 8 : 0));
}

}  // namespace rorqual::quant
