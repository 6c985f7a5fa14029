#pragma once

#include <cstdint>

#include "ops/weight_formats.hpp"

namespace rorqual::ops::portable {

/// The canonical sum of the portable kernels: Σ_k w[k]·x[k] in eight lanes, lane j taking k ≡ j mod 8 (products rounded, then
/// added), and the lanes added 0+4, 1+5, 2+6, 3+7, then 0+2, 1+3, then 0+1. Eight, so that compilers can make vectors of it.
template <class Format>
float dot(const std::byte* w, const float* x, std::int64_t k) noexcept {
    constexpr std::int64_t lanes = 8;
    float lane[lanes] = {};
    std::int64_t i = 0;
    for (; i + lanes <= k; i += lanes) {
        for (std::int64_t j = 0; j < lanes; ++j) lane[j] += Format::load(w + (i + j) * Format::bytes) * x[i + j];
    }
    for (std::int64_t j = 0; i + j < k; ++j) lane[j] += Format::load(w + (i + j) * Format::bytes) * x[i + j];
    for (std::int64_t half = lanes / 2; half > 0; half /= 2) {
        for (std::int64_t j = 0; j < half; ++j) lane[j] += lane[j + half];
    }
    return lane[0];
}

}  // namespace rorqual::ops::portable
