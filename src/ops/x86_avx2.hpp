#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

// The vocabulary of AVX2 + FMA + F16C kernels: one vector of eight f32, and how weights become one.
// For x86_avx2.cpp files alone. Everything lies in an unnamed namespace, so that no function compiled with these flags can be
// merged with one of the same name elsewhere.

namespace rorqual::ops {
namespace {

struct Avx2 {
    using Vector = __m256;
    static constexpr std::int64_t lanes = 8;
    // Tiles: 4 rows × 3 tokens are 12 sums, with 3 vectors of x and 1 of W all 16 registers: 12 FMAs a step, which two ports
    // start in 6 cycles, for 7 loads, which take 3.5.
    static constexpr int dot_rows = 4;
    static constexpr int dot_tokens = 3;
    static constexpr int axpy_tokens = 4;
    static constexpr int axpy_vectors = 3;

    static Vector zero() { return _mm256_setzero_ps(); }
    static Vector broadcast(float value) { return _mm256_set1_ps(value); }
    static Vector load(const float* p) { return _mm256_loadu_ps(p); }
    static void store(float* p, Vector v) { _mm256_storeu_ps(p, v); }
    /// The first n < 8 floats of p, zeros after them; nothing beyond is touched.
    static Vector load_first(const float* p, std::int64_t n) { return _mm256_maskload_ps(p, first(n)); }
    static void store_first(float* p, std::int64_t n, Vector v) { _mm256_maskstore_ps(p, first(n), v); }
    static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
    /// Keeps v in a register: GCC otherwise repeats its load as an operand of every FMA, and the load ports set the pace.
    static void keep(Vector& v) { __asm__(""
                                          : "+x"(v)); }
    /// Lanes added 0+4, 1+5, 2+6, 3+7, then 0+2, 1+3, then 0+1.
    static float sum(Vector v) {
        const __m128 four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
        const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
    /// to[r] = sum(v[r]) for four vectors at once, which takes a third of the instructions.
    static void store_sums(float* to, const Vector (&v)[4]) {
        const __m256 v01 = _mm256_add_ps(_mm256_permute2f128_ps(v[0], v[1], 0x20), _mm256_permute2f128_ps(v[0], v[1], 0x31));
        const __m256 v23 = _mm256_add_ps(_mm256_permute2f128_ps(v[2], v[3], 0x20), _mm256_permute2f128_ps(v[2], v[3], 0x31));
        const __m256 twos = _mm256_add_ps(_mm256_shuffle_ps(v01, v23, 0x44), _mm256_shuffle_ps(v01, v23, 0xee));  // [0 0 2 2 | 1 1 3 3]
        const __m256 ones = _mm256_hadd_ps(twos, twos);                                                           // [0 2 . . | 1 3 . .]
        _mm_storeu_ps(to, _mm_unpacklo_ps(_mm256_castps256_ps128(ones), _mm256_extractf128_ps(ones, 1)));
    }

    struct F32 {
        static constexpr std::int64_t bytes = 4;
        static Vector load(const std::byte* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
        static Vector load_first(const std::byte* p, std::int64_t n) {
            return _mm256_maskload_ps(reinterpret_cast<const float*>(p), first(n));
        }
    };
    struct F16 {
        static constexpr std::int64_t bytes = 2;
        static Vector load(const std::byte* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
        static Vector load_first(const std::byte* p, std::int64_t n) { return _mm256_cvtph_ps(first_halves(p, n)); }
    };
    struct Bf16 {
        static constexpr std::int64_t bytes = 2;
        static Vector load(const std::byte* p) { return widen(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
        static Vector load_first(const std::byte* p, std::int64_t n) { return widen(first_halves(p, n)); }
        static Vector widen(__m128i v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(v), 16)); }
    };

 private:
    static __m256i first(std::int64_t n) {
        alignas(32) static constexpr std::int32_t mask[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
        return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(mask + 8 - n));
    }
    static __m128i first_halves(const std::byte* p, std::int64_t n) {  // AVX2 has no masked load of 16-bit elements
        alignas(16) std::byte copy[16] = {};
        std::memcpy(copy, p, static_cast<std::size_t>(2 * n));
        return _mm_load_si128(reinterpret_cast<const __m128i*>(copy));
    }
};

}  // namespace
}  // namespace rorqual::ops
