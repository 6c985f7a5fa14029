#pragma once

// Quantising activations with AVX2: one source, compiled for each instruction set that has no better. For kernel units only.

#include <immintrin.h>

#include <algorithm>
#include <cmath>

#include "panels/layout.hpp"
#include "panels/quantised_rows.hpp"

namespace rorqual::panels {
namespace {

[[maybe_unused]] void quantise_rows_avx2(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) {
    const __m256 sign = _mm256_set1_ps(-0.0F);
    const __m256 largest_finite = _mm256_set1_ps(0x1.fffffep127F);
    for (std::int64_t t = first; t < first + count; ++t) {
        const float* v = x.data + t * x.stride;
        for (std::int64_t k0 = 0; k0 < x.cols; k0 += super_k) {
            const std::int64_t k1 = std::min(k0 + super_k, x.cols);
            __m256 largest = _mm256_setzero_ps(), finite = _mm256_castsi256_ps(_mm256_set1_epi32(-1));
            for (std::int64_t k = k0; k < k1; k += 8) {
                const __m256 a = _mm256_andnot_ps(sign, _mm256_loadu_ps(v + k));
                largest = _mm256_max_ps(largest, a);
                finite = _mm256_and_ps(finite, _mm256_cmp_ps(a, largest_finite, _CMP_LE_OQ));
            }
            float lanes[8];
            _mm256_storeu_ps(lanes, largest);
            const float top = *std::max_element(lanes, lanes + 8);
            const bool all_finite = _mm256_movemask_ps(finite) == 0xff;
            const float inverse = all_finite && top > 0 ? 127.0F / top : 0.0F;
            to.scale[t * to.supers() + k0 / super_k] = all_finite ? top / 127.0F : NAN;
            for (std::int64_t k = k0; k < k1; k += 16) {
                __m256i q[2];
                for (int i = 0; i < 2; ++i) {
                    const __m256 a = all_finite ? _mm256_mul_ps(_mm256_loadu_ps(v + k + 8 * i), _mm256_set1_ps(inverse)) : _mm256_setzero_ps();
                    q[i] = _mm256_max_epi32(_mm256_min_epi32(_mm256_cvtps_epi32(a), _mm256_set1_epi32(127)), _mm256_set1_epi32(-127));
                }
                const __m256i both = _mm256_permute4x64_epi64(_mm256_packs_epi32(q[0], q[1]), 0xd8);
                const __m128i bytes = _mm_packs_epi16(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
                _mm_storeu_si128(reinterpret_cast<__m128i*>(to.q + t * to.cols + k), bytes);
                const __m256i pairs = _mm256_madd_epi16(both, _mm256_set1_epi16(1));
                __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
                sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4e));
                sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xb1));
                to.sums[(t * to.cols + k) / 16] = static_cast<std::int16_t>(_mm_cvtsi128_si32(sum));
            }
            for (std::int64_t b = (t * to.cols + k0) / block_k; b < (t * to.cols + k1) / block_k; ++b) {
                to.block_sums[b] = static_cast<std::int16_t>(to.sums[2 * b] + to.sums[2 * b + 1]);
            }
        }
    }
}

}  // namespace
}  // namespace rorqual::panels
