#pragma once

#include <cmath>

#include "quant/half.hpp"

// What the two searches of fit.hpp share.
namespace rorqual::quant {
namespace {

/// Four values side by side, in the notation GCC and Clang share: one SSE or NEON register, plain code elsewhere. Sums run
/// in these four lanes, a fixed order.
using Lanes = float __attribute__((vector_size(16)));
constexpr int lanes = 4;

inline float total(Lanes sums) { return (sums[0] + sums[2]) + (sums[1] + sums[3]); }

/// To the nearest integer, ties to even, for |x| < 2^22: adding 1.5·2^23 leaves no bit for a fraction. For float and Lanes.
template <class Values>
Values rounded(Values x) {
    return (x + 0x1.8p23F) - 0x1.8p23F;
}
template <class Values>
Values clamped(Values x, float lowest, float highest) {
    const Values above = x < lowest ? Values{} + lowest : x;
    return above > highest ? Values{} + highest : above;
}

inline Lanes magnitude(Lanes x) { return x < 0.0F ? -x : x; }

/// a/b, or 0 for what no fit can use: an empty denominator.
inline float ratio(float a, float b) {
    const float quotient = a / b;
    return b > 0 && std::isfinite(quotient) ? quotient : 0.0F;
}

inline float as_half(float value) { return f32_from_f16(f16_from_f32(value)); }

/// The half nearest to `value` among those of at least its magnitude: with it as d, no scale code is cut off, and tiny
/// weights keep a scale where rounding to nearest would leave none. |value| ≤ 65504.
inline float half_outward(float value) {
    const std::uint16_t nearest = f16_from_f32(value);
    const bool inward = std::fabs(f32_from_f16(nearest)) < std::fabs(value);
    return f32_from_f16(static_cast<std::uint16_t>(nearest + (inward ? 1 : 0)));
}

/// A group of weights and how much each counts.
template <int Size>
struct Weighted {
    static constexpr int steps = Size / lanes;
    Lanes x[steps];
    Lanes w[steps];
    Lanes wx[steps];
    float sum_w, sum_wx, sum_wxx;
};

/// Grid values or codes of a group, side by side as its weights.
template <int Size>
using Codes = Lanes[Size / lanes];

inline float root_mean_square(const float* values, int count) {
    float sum = 0;
    for (int i = 0; i < count; ++i) sum += values[i] * values[i];
    return std::sqrt(sum / static_cast<float>(count));
}

/// ω = floor + |w|. Between 1e-7 and 65504, all that a half can scale, its products with w² fit f32.
template <int Size>
void weigh(const float* values, float floor, Weighted<Size>& out) {
    Lanes w{}, wx{}, wxx{};
    for (int i = 0; i < Weighted<Size>::steps; ++i) {
        const float* v = values + lanes * i;
        const Lanes x{v[0], v[1], v[2], v[3]};
        out.x[i] = x;
        out.w[i] = floor + magnitude(x);
        out.wx[i] = out.w[i] * x;
        w += out.w[i];
        wx += out.wx[i];
        wxx += out.wx[i] * x;
    }
    out.sum_w = total(w);
    out.sum_wx = total(wx);
    out.sum_wxx = total(wxx);
}

}  // namespace
}  // namespace rorqual::quant
