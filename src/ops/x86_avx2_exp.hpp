#pragma once

#include "ops/x86_avx2.hpp"

namespace rorqual::ops {
namespace {

/// e^x in eight lanes, within 1.5 units in the last place; subnormal results too. +∞ above 88.7, 0 below −104, NaN stays.
/// x = n·ln 2 + r with |r| ≤ ln 2 / 2, and e^r by its Taylor polynomial of degree 7: the rest, r⁸/8!, is below 6e-9.
/// ln 2 in two parts (the first with 15 trailing zero bits) keeps r exact to f32; n·ln 2 is subtracted by FMA.
inline __m256 exp(__m256 x) {
    const __m256 highest = _mm256_set1_ps(88.8F), lowest = _mm256_set1_ps(-104.0F);
    const __m256 inside = _mm256_max_ps(lowest, _mm256_min_ps(highest, x));  // of NaN: NaN, the second operand
    const __m256 n = _mm256_round_ps(_mm256_mul_ps(inside, _mm256_set1_ps(0x1.715476p+0F)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.62e4p-1F), inside);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0x1.7f7d1cp-20F), r);
    __m256 p = _mm256_set1_ps(1.0F / 5040);
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F / 720));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F / 120));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F / 24));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F / 6));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(0.5F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1.0F));
    // 2^n as a product of two powers: n reaches from −150 to 128, and one f32 exponent does not.
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const auto power_of_two = [](__m256i e) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(e, _mm256_set1_epi32(127)), 23)); };
    return _mm256_mul_ps(_mm256_mul_ps(p, power_of_two(half)), power_of_two(_mm256_sub_epi32(whole, half)));
}

}  // namespace
}  // namespace rorqual::ops
