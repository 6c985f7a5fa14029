// Packed products for AVX-512 VNNI. 3 panels × 4 tokens at once: 12 sums of integers, 12 of floats, 3 weight lines, a broadcast and a scale
// fit the 32 registers, and 7 loads feed 12 products. Up to 8 tokens meet one panel as it comes from memory.
#include <immintrin.h>

#include "panels/dot4.hpp"
#include "panels/transposed_product.hpp"

namespace rorqual::panels {
namespace {

struct Avx512Vnni {
    static constexpr int parts = 1;
    static constexpr bool signed_codes = false;
    static constexpr int tile_panels = panels::tile_panels, most_panels = 3, most_tokens = 4, direct_tokens = 8;
    static constexpr int transposed_panels = 4;
    static constexpr std::int64_t tile_k = 1024;
    using Ints = std::int32_t __attribute__((vector_size(64)));
    using Reals = float __attribute__((vector_size(64)));

    static Ints ints(__m512i v) { return reinterpret_cast<Ints>(v); }
    static __m512i raw(Ints v) { return reinterpret_cast<__m512i>(v); }
    static __m128i raw(Bytes16 v) { return reinterpret_cast<__m128i>(v); }

    static Ints broadcast(int x) { return ints(_mm512_set1_epi32(x)); }
    static Reals broadcast(float x) { return _mm512_set1_ps(x); }
    static Ints dot4(Ints sum, Ints codes, Ints x) { return ints(_mm512_dpbusd_epi32(raw(sum), raw(codes), raw(x))); }
    static Ints dot2(Ints sum, Ints a, Ints b) { return ints(_mm512_dpwssd_epi32(raw(sum), raw(a), raw(b))); }
    static Reals fma(Reals a, Reals b, Reals c) { return _mm512_fmadd_ps(a, b, c); }
    static Reals fnma(Reals a, Reals b, Reals c) { return _mm512_fnmadd_ps(a, b, c); }
    static Ints unsigned8(Bytes16 bytes, int) { return ints(_mm512_cvtepu8_epi32(raw(bytes))); }
    static Ints signed8(Bytes16 bytes, int) { return ints(_mm512_cvtepi8_epi32(raw(bytes))); }
    static Reals halves(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
    static Ints lookup(Bytes16 table, Ints codes) { return ints(_mm512_shuffle_epi8(_mm512_broadcast_i32x4(raw(table)), raw(codes))); }
};

}  // namespace

void product_avx512_vnni(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Dot4<Avx512Vnni>>(w, x, ids, y, scratch);
}

void quantise_avx512_vnni(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) {
    for (std::int64_t t = first; t < first + count; ++t) {
        const float* v = x.data + t * x.stride;
        for (std::int64_t k0 = 0; k0 < x.cols; k0 += super_k) {
            const std::int64_t k1 = std::min(k0 + super_k, x.cols);
            __m512 largest = _mm512_setzero_ps();
            __mmask16 odd = 0;  // lanes with NaN or infinity
            for (std::int64_t k = k0; k < k1; k += 16) {
                const __m512 a = _mm512_loadu_ps(v + k);
                largest = _mm512_max_ps(largest, _mm512_abs_ps(a));
                odd = static_cast<__mmask16>(odd | _mm512_fpclass_ps_mask(a, 0x99));
            }
            const float top = _mm512_reduce_max_ps(largest);
            const float inverse = !odd && top > 0 ? 127.0f / top : 0.0f;
            to.scale[t * to.supers() + k0 / super_k] = odd ? NAN : top / 127.0f;
            for (std::int64_t k = k0; k < k1; k += 16) {
                const __m512 scaled = odd ? _mm512_setzero_ps() : _mm512_mul_ps(_mm512_loadu_ps(v + k), _mm512_set1_ps(inverse));
                __m512i q = _mm512_cvtps_epi32(scaled);
                q = _mm512_max_epi32(_mm512_min_epi32(q, _mm512_set1_epi32(127)), _mm512_set1_epi32(-127));
                const __m128i bytes = _mm512_cvtepi32_epi8(q);
                _mm_storeu_si128(reinterpret_cast<__m128i*>(to.q + t * to.cols + k), bytes);
                __m128i sum = _mm_dpbusd_epi32(_mm_setzero_si128(), _mm_set1_epi8(1), bytes);
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

void transposed_product_avx512_vnni(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch) { TransposedProduct<Avx512Vnni>::run(w, x, y, next, scratch); }

}  // namespace rorqual::panels
