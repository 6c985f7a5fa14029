// Packed products for AVX-VNNI: vpdpbusd in the 16 registers of AVX2. One panel (two registers a line) × 4 tokens: 8 sums, 2 weight lines and
// a broadcast fit; the float sums live in the first-level cache.
#include <immintrin.h>

#include "panels/avx2_quantise.hpp"
#include "panels/dot4.hpp"
#include "panels/transposed_product.hpp"

namespace rorqual::panels {
namespace {

struct AvxVnni {
    static constexpr int parts = 2;
    static constexpr bool signed_codes = false;
    static constexpr int tile_panels = 1, most_panels = 1, most_tokens = 4, direct_tokens = 4;
    static constexpr int transposed_panels = 1;
    static constexpr std::int64_t tile_k = 1024;
    using Ints = std::int32_t __attribute__((vector_size(32)));
    using Reals = float __attribute__((vector_size(32)));

    static Ints ints(__m256i v) { return reinterpret_cast<Ints>(v); }
    static __m256i raw(Ints v) { return reinterpret_cast<__m256i>(v); }
    /// The eight bytes of a part, in front.
    static __m128i raw(Bytes16 v, int part) {
        const auto all = reinterpret_cast<__m128i>(v);
        return part ? _mm_unpackhi_epi64(all, all) : all;
    }

    static Ints broadcast(int x) { return ints(_mm256_set1_epi32(x)); }
    static Reals broadcast(float x) { return _mm256_set1_ps(x); }
    static Ints dot4(Ints sum, Ints codes, Ints x) { return ints(_mm256_dpbusd_avx_epi32(raw(sum), raw(codes), raw(x))); }
    static Ints dot2(Ints sum, Ints a, Ints b) { return ints(_mm256_dpwssd_avx_epi32(raw(sum), raw(a), raw(b))); }
    static Reals fma(Reals a, Reals b, Reals c) { return _mm256_fmadd_ps(a, b, c); }
    static Reals fnma(Reals a, Reals b, Reals c) { return _mm256_fnmadd_ps(a, b, c); }
    static Ints unsigned8(Bytes16 bytes, int part) { return ints(_mm256_cvtepu8_epi32(raw(bytes, part))); }
    static Ints signed8(Bytes16 bytes, int part) { return ints(_mm256_cvtepi8_epi32(raw(bytes, part))); }
    static Reals halves(const std::byte* p) { return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))); }
    static Ints lookup(Bytes16 table, Ints codes) { return ints(_mm256_shuffle_epi8(_mm256_broadcastsi128_si256(reinterpret_cast<__m128i>(table)), raw(codes))); }
};

}  // namespace

void product_avx_vnni(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Dot4<AvxVnni>>(w, x, ids, y, scratch);
}

void quantise_avx_vnni(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) { quantise_rows_avx2(x, first, count, to); }

void transposed_product_avx_vnni(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch) { TransposedProduct<AvxVnni>::run(w, x, y, next, scratch); }

}  // namespace rorqual::panels
