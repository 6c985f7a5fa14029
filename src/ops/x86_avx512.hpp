#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

// The vocabulary of AVX-512 kernels: one vector of sixteen f32, and how weights become one.
// For x86_avx512.cpp files alone; x86_avx2.hpp says why the unnamed namespace.

namespace rorqual::ops {
namespace {

struct Avx512 {
    using Vector = __m512;
    static constexpr std::int64_t lanes = 16;
    // Tiles: 8 rows × 3 tokens are 24 sums; with 3 vectors of x and 1 of W 28 of 32 registers. 24 FMAs a step, which two ports
    // start in 12 cycles, for 11 loads, which take 5.5.
    static constexpr int dot_rows = 8;
    static constexpr int dot_tokens = 3;
    static constexpr int axpy_tokens = 8;
    static constexpr int axpy_vectors = 3;

    static Vector zero() { return _mm512_setzero_ps(); }
    static Vector broadcast(float value) { return _mm512_set1_ps(value); }
    static Vector load(const float* p) { return _mm512_loadu_ps(p); }
    static void store(float* p, Vector v) { _mm512_storeu_ps(p, v); }
    /// The first n < 16 floats of p, zeros after them; nothing beyond is touched.
    static Vector load_first(const float* p, std::int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
    static void store_first(float* p, std::int64_t n, Vector v) { _mm512_mask_storeu_ps(p, first(n), v); }
    static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
    /// Keeps v in a register (x86_avx2.hpp).
    static void keep(Vector& v) { __asm__(""
                                          : "+v"(v)); }
    /// Lanes added j + (j+8), then as eight lanes are: 0+4, 1+5, 2+6, 3+7, then 0+2, 1+3, then 0+1.
    static float sum(Vector v) {
        const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    /// to[r] = sum(v[r]) for eight vectors at once.
    static void store_sums(float* to, const Vector (&v)[8]) {
        __m512 eights[4], fours[2];  // [0 | 1], [2 | 3], … then [0 | 1 | 2 | 3], [4 | 5 | 6 | 7]
        for (int i = 0; i < 4; ++i) {
            eights[i] = _mm512_add_ps(_mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0x44), _mm512_shuffle_f32x4(v[2 * i], v[2 * i + 1], 0xee));
        }
        for (int i = 0; i < 2; ++i) {
            fours[i] = _mm512_add_ps(_mm512_shuffle_f32x4(eights[2 * i], eights[2 * i + 1], 0x88), _mm512_shuffle_f32x4(eights[2 * i], eights[2 * i + 1], 0xdd));
        }
        const __m512 twos = _mm512_add_ps(_mm512_shuffle_ps(fours[0], fours[1], 0x44), _mm512_shuffle_ps(fours[0], fours[1], 0xee));
        const __m512 ones = _mm512_add_ps(_mm512_shuffle_ps(twos, twos, 0x88), _mm512_shuffle_ps(twos, twos, 0xdd));  // [0 4 . . | 1 5 . . | …
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
        _mm256_storeu_ps(to, _mm512_castps512_ps256(_mm512_permutexvar_ps(order, ones)));
    }

    struct F32 {
        static constexpr std::int64_t bytes = 4;
        static Vector load(const std::byte* p) { return _mm512_loadu_ps(p); }
        static Vector load_first(const std::byte* p, std::int64_t n) { return _mm512_maskz_loadu_ps(first(n), p); }
    };
    struct F16 {
        static constexpr std::int64_t bytes = 2;
        static Vector load(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
        static Vector load_first(const std::byte* p, std::int64_t n) { return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first(n), p)); }
    };
    struct Bf16 {
        static constexpr std::int64_t bytes = 2;
        static Vector load(const std::byte* p) { return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
        static Vector load_first(const std::byte* p, std::int64_t n) { return widen(_mm256_maskz_loadu_epi16(first(n), p)); }
        static Vector widen(__m256i v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(v), 16)); }
    };

 private:
    static __mmask16 first(std::int64_t n) { return static_cast<__mmask16>((1U << n) - 1U); }
};

}  // namespace
}  // namespace rorqual::ops
