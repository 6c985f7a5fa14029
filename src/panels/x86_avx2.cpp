// Packed products for AVX2. Codes of up to six bits are unsigned bytes whose products with int8 activations fit int16 when few are added
// (15·127·2·8 < 2^15: a whole block of 4-bit codes), so that one vpmaddwd widens, scales and sums them at once. Codes of eight bits are
// kept signed; |w| · sign(w)·x fits int16 once. Tile of 1 panel (two registers) × 4 tokens: 8 sums, 2 weight lines and a broadcast
// fit the 16 registers; the int32 sums live in the first-level cache.
#include <immintrin.h>

#include <cmath>

#include "panels/kernels.hpp"
#include "panels/tile.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::panels {
namespace {

/// Eight rows: half of a line.
struct Half {
    static __m256i load(const std::byte* line, int half) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(line + 32 * half)); }
    static __m256 loadf(const std::byte* line, int half) { return _mm256_load_ps(reinterpret_cast<const float*>(line + 32 * half)); }
    static void store(std::byte* line, int half, __m256i v) { _mm256_store_si256(reinterpret_cast<__m256i*>(line + 32 * half), v); }
    static void storef(std::byte* line, int half, __m256 v) { _mm256_store_ps(reinterpret_cast<float*>(line + 32 * half), v); }
};

/// True where codes take all eight bits and are kept signed.
constexpr bool signed_bytes(const PanelFormat& f) noexcept { return f.bits8 || f.codes == Codes::iq4; }
constexpr int largest_code(const PanelFormat& f) noexcept {
    return f.codes == Codes::e2m1 ? 24 : (1 << (4 * f.bits4 + 2 * f.bits2 + f.bits1)) - 1;
}
/// How many products of two may be added in int16: ⌊32767 / (2·127·largest code)⌋, as a power of two within a group.
constexpr int quads_per_widening(const PanelFormat& f) noexcept {
    if (signed_bytes(f)) return 1;
    const int most = 32767 / (254 * largest_code(f));
    const int group = scale_group(f) / 4;
    int quads_added = 1;
    while (2 * quads_added <= most && 2 * quads_added <= group) quads_added *= 2;
    return quads_added;
}
constexpr int offset_of(const PanelFormat& f) noexcept { return signed_bytes(f) ? 0 : byte_offset(f); }

__m128i bytes16(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
void store_halves(std::byte* line, const std::byte* h) {
    for (int half = 0; half < 2; ++half) Half::storef(line, half, _mm256_cvtph_ps(bytes16(h + 16 * half)));
}

/// The first (scale, even group) and second (minimum, odd group) six-bit numbers of pair p of a scale_min_6 or scale_6 header.
void six_bits(const std::byte* header, int pair, __m128i& first, __m128i& second) {
    const __m128i low = bytes16(header + 64 + 16 * pair);
    __m128i high = bytes16(header + 192 + 16 * (pair / 2));
    if (pair % 2) high = _mm_srli_epi16(high, 4);
    const __m128i nibble = _mm_set1_epi8(15);
    first = _mm_or_si128(_mm_and_si128(low, nibble), _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4));
    second = _mm_or_si128(_mm_and_si128(_mm_srli_epi16(low, 4), nibble), _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(12)), 2));
}

/// Lines of int16 pairs (a of row r, b of row r) from 16 signed bytes each.
void store_pairs(std::byte* line, __m128i a, __m128i b) {
    const __m256i wide_a = _mm256_cvtepi8_epi16(a), wide_b = _mm256_cvtepi8_epi16(b);
    const __m256i low = _mm256_unpacklo_epi16(wide_a, wide_b), high = _mm256_unpackhi_epi16(wide_a, wide_b);
    Half::store(line, 0, _mm256_permute2x128_si256(low, high, 0x20));
    Half::store(line, 1, _mm256_permute2x128_si256(low, high, 0x31));
}

/// Integer scales of one group as the K formats keep them, 16 signed bytes.
template <const PanelFormat& F>
__m128i group_scale(const std::byte* h, int g) {
    __m128i first, second;
    if constexpr (F.header == Header::scale_min_6) {
        six_bits(h, g, first, second);
        return first;
    } else if constexpr (F.header == Header::scale_6) {
        six_bits(h, g / 2, first, second);
        return _mm_sub_epi8(g % 2 ? second : first, _mm_set1_epi8(32));
    } else if constexpr (F.header == Header::scale_min_4) {
        return _mm_and_si128(bytes16(h + 64 + 16 * g), _mm_set1_epi8(15));
    } else {
        return bytes16(h + 64 + 16 * g);
    }
}
template <const PanelFormat& F>
__m128i group_min(const std::byte* h, int g) {
    if constexpr (F.header == Header::scale_min_6) {
        __m128i first, second;
        six_bits(h, g, first, second);
        return second;
    } else {
        return _mm_and_si128(_mm_srli_epi16(bytes16(h + 64 + 16 * g), 4), _mm_set1_epi8(15));
    }
}

/// Scale lines: int16 pairs (sc, sc) a group for K formats, f32 a block for others. Min lines: for K formats with minima the pairs
/// (mn of group 2i, mn of group 2i+1), for those with an offset the same of scales; f32 minima a block for Q4_1 and Q5_1.
template <const PanelFormat& F>
void unpack_header(const std::byte* h, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
    constexpr int groups = super_k / scale_group(F);
    const std::int64_t g0 = s * groups;
    if constexpr (F.has_super_scale()) {
        store_halves(tile.d_line(panel, s), h);
        for (int g = 0; g < groups; ++g) {
            const __m128i scale = group_scale<F>(h, g);
            store_pairs(tile.scale_line(panel, g0 + g), scale, scale);
        }
        if constexpr (has_min(F)) {
            store_halves(tile.dmin_line(panel, s), h + 32);
            for (int g = 0; g < groups; g += 2) store_pairs(tile.min_line(panel, g0 + g / 2), group_min<F>(h, g), group_min<F>(h, g + 1));
        } else if constexpr (offset_of(F) != 0) {
            for (int g = 0; g < groups; g += 2) store_pairs(tile.min_line(panel, g0 + g / 2), group_scale<F>(h, g), group_scale<F>(h, g + 1));
        }
    } else {
        for (std::int64_t b = 0; b < blocks; ++b) {
            if constexpr (F.header == Header::exponent) {
                for (int half = 0; half < 2; ++half) {  // half of 2^(e−127): the exponent field, with the denormal cases and NaN apart
                    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(h + 16 * b + 8 * half)));
                    __m256i bits = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
                    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e), nan = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(255));
                    bits = _mm256_blendv_epi8(bits, _mm256_sllv_epi32(_mm256_set1_epi32(1 << 21), e), small);
                    bits = _mm256_blendv_epi8(bits, _mm256_set1_epi32(0x7fc00000), nan);
                    Half::store(tile.scale_line(panel, g0 + b), half, bits);
                }
            } else if constexpr (F.header == Header::half_min) {
                store_halves(tile.scale_line(panel, g0 + b), h + 64 * b);
                store_halves(tile.min_line(panel, g0 + b), h + 64 * b + 32);
            } else {
                store_halves(tile.scale_line(panel, g0 + b), h + 32 * b);
            }
        }
    }
}

template <const PanelFormat& F>
void unpack_block(const std::byte* plane, std::byte* to) {
    const std::byte* plane2 = plane + 4 * line_bytes * F.bits4;
    const std::byte* plane1 = plane2 + 2 * line_bytes * F.bits2;
    for (int i = 0; i < 16; ++i) {
        const int quad = i / 2, half = i % 2;
        __m256i v = _mm256_setzero_si256();
        if constexpr (F.bits8) {
            v = _mm256_xor_si256(Half::load(plane + 64 * quad, half), _mm256_set1_epi8(-128));
        }
        if constexpr (F.bits4) {
            v = Half::load(plane + 64 * (quad / 2), half);
            if (quad % 2) v = _mm256_srli_epi16(v, 4);
            v = _mm256_and_si256(v, _mm256_set1_epi8(15));
        }
        if constexpr (F.bits2) {
            __m256i two = _mm256_and_si256(_mm256_srli_epi16(Half::load(plane2 + 64 * (quad / 4), half), 2 * (quad % 4)), _mm256_set1_epi8(3));
            if constexpr (F.bits4) two = _mm256_slli_epi16(two, 4);
            v = _mm256_or_si256(v, two);
        }
        if constexpr (F.bits1) {
            const __m256i one = _mm256_and_si256(_mm256_srli_epi16(Half::load(plane1, half), quad), _mm256_set1_epi8(1));
            v = _mm256_or_si256(v, _mm256_slli_epi16(one, 4 * F.bits4 + 2 * F.bits2));
        }
        if constexpr (F.codes != Codes::linear) {
            const auto& values = F.codes == Codes::iq4 ? quant::iq4_values : quant::e2m1_doubled;
            __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data()));
            if constexpr (F.codes == Codes::e2m1) table = _mm_add_epi8(table, _mm_set1_epi8(byte_offset(F)));
            v = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), v);
        }
        Half::store(to + 64 * quad, half, v);
    }
}

/// Bytes ahead of the super-block in work that are asked for while it is unpacked: covers page ends, where hardware prefetching stops.
constexpr std::int64_t prefetch_ahead = 2048;

/// Σ over the widenings of group g of panel, for two halves × T tokens, each multiplied by `scale` pairs: int32 sums.
template <const PanelFormat& F, int T>
void dot_group(const Tile& tile, std::int64_t panel, std::int64_t g, const TokenRow (&x)[T], const __m256i (&scale)[2], __m256i (&sum)[2][T]) {
    constexpr int group_quads = scale_group(F) / 4, added = quads_per_widening(F);
    for (int part = 0; part < group_quads; part += added) {
        __m256i narrow[2][T];
#pragma GCC unroll 8
        for (int j = 0; j < added; ++j) {
            const std::int64_t at = g * group_quads + part + j;
            const __m256i w[2] = {Half::load(tile.code_line(panel, at), 0), Half::load(tile.code_line(panel, at), 1)};
            for (int t = 0; t < T; ++t) {
                const __m256i v = _mm256_set1_epi32(x[t].quad(at));
                for (int half = 0; half < 2; ++half) {
                    __m256i product;
                    if constexpr (signed_bytes(F))
                        product = _mm256_maddubs_epi16(_mm256_abs_epi8(w[half]), _mm256_sign_epi8(v, w[half]));
                    else
                        product = _mm256_maddubs_epi16(w[half], v);
                    narrow[half][t] = j == 0 ? product : _mm256_add_epi16(narrow[half][t], product);
                }
            }
        }
        for (int half = 0; half < 2; ++half) {
            for (int t = 0; t < T; ++t) sum[half][t] = _mm256_add_epi32(sum[half][t], _mm256_madd_epi16(narrow[half][t], scale[half]));
        }
    }
}

/// Σ over pairs of groups of a super-block: min-line pairs times the pairs of the token's group sums.
template <int group>
__m256i dot_sums(const Tile& tile, std::int64_t panel, std::int64_t s, const TokenRow& x, int half) {
    constexpr int groups = super_k / group;
    __m256i sum = _mm256_setzero_si256();
    for (int g = 0; g < groups; g += 2) {
        const int even = x.template sum_of<group>(s * groups + g), odd = x.template sum_of<group>(s * groups + g + 1);
        const __m256i pair = _mm256_set1_epi32(static_cast<int>((static_cast<unsigned>(even) & 0xffffU) | static_cast<unsigned>(odd) << 16));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(Half::load(tile.min_line(panel, s * groups + g / 2), half), pair));
    }
    return sum;
}

/// A super-block of a K format: S and M as exact integers, then two fused multiply-adds.
template <const PanelFormat& F, int T>
void super_scale(const Tile& tile, std::int64_t panel, std::int64_t s, const TokenRow (&x)[T], __m256 (&acc)[2][T]) {
    constexpr int group = scale_group(F), groups = super_k / group;
    __m256i sum[2][T];
    for (auto& half : sum) {
        for (auto& v : half) v = _mm256_setzero_si256();
    }
    for (int g = 0; g < groups; ++g) {
        const std::byte* line = tile.scale_line(panel, s * groups + g);
        dot_group<F, T>(tile, panel, s * groups + g, x, {Half::load(line, 0), Half::load(line, 1)}, sum);
    }
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) {
            const __m256 dx = _mm256_set1_ps(x[t].scale[s]);
            __m256i total = sum[half][t];
            if constexpr (!has_min(F) && offset_of(F) != 0) {
                total = _mm256_sub_epi32(total, _mm256_mullo_epi32(dot_sums<group>(tile, panel, s, x[t], half), _mm256_set1_epi32(offset_of(F))));
            }
            acc[half][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total), _mm256_mul_ps(Half::loadf(tile.d_line(panel, s), half), dx), acc[half][t]);
            if constexpr (has_min(F)) {
                const __m256 m = _mm256_cvtepi32_ps(dot_sums<group>(tile, panel, s, x[t], half));
                acc[half][t] = _mm256_fnmadd_ps(m, _mm256_mul_ps(Half::loadf(tile.dmin_line(panel, s), half), dx), acc[half][t]);
            }
        }
    }
}

/// A super-block of a format with a scale per block.
template <const PanelFormat& F, int T>
void block_scales(const Tile& tile, std::int64_t panel, std::int64_t s, const TokenRow (&x)[T], __m256 (&acc)[2][T]) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sum[2][T];
    for (auto& half : sum) {
        for (auto& v : half) v = _mm256_setzero_ps();
    }
    for (std::int64_t block = 8 * s; block < 8 * s + tile.blocks_of(s); ++block) {
        __m256i dot[2][T];
        for (int t = 0; t < T; ++t) dot[0][t] = dot[1][t] = _mm256_set1_epi32(-offset_of(F) * x[t].template sum_of<32>(block));
        dot_group<F, T>(tile, panel, block, x, {ones, ones}, dot);
        for (int half = 0; half < 2; ++half) {
            const __m256 scale = Half::loadf(tile.scale_line(panel, block), half);
            for (int t = 0; t < T; ++t) {
                sum[half][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[half][t]), scale, sum[half][t]);
                if constexpr (F.header == Header::half_min) {
                    const __m256 of_block = _mm256_set1_ps(static_cast<float>(x[t].template sum_of<32>(block)));
                    sum[half][t] = _mm256_fmadd_ps(Half::loadf(tile.min_line(panel, block), half), of_block, sum[half][t]);
                }
            }
        }
    }
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) acc[half][t] = _mm256_fmadd_ps(sum[half][t], _mm256_set1_ps(x[t].scale[s]), acc[half][t]);
    }
}

/// Lanes of a half that stand for existing rows.
__m256i lane_mask(int valid, int half) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(valid - 8 * half), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

struct Avx2 {
    static constexpr int most_panels = 1;
    static constexpr int most_tokens = 4;

    template <const PanelFormat& F>
    static void unpack(const std::byte* super, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
        const std::int64_t bytes = F.super_bytes(blocks);
        for (std::int64_t i = 0; i < bytes; i += line_bytes) _mm_prefetch(reinterpret_cast<const char*>(super) + prefetch_ahead + i, _MM_HINT_T0);
        unpack_header<F>(super, blocks, tile, panel, s);
        for (std::int64_t b = 0; b < blocks; ++b) {
            unpack_block<F>(super + F.header_bytes(blocks) + b * F.code_bytes(), tile.code_line(panel, (8 * s + b) * quads));
        }
    }

    template <const PanelFormat& F, int P, int T>
    static void micro(const Tile& tile, std::int64_t panel, const TokenRow (&x)[T], const int (&valid)[P]) {
        __m256 acc[2][T];
        for (int half = 0; half < 2; ++half) {
            for (int t = 0; t < T; ++t) acc[half][t] = _mm256_maskload_ps(x[t].y + 8 * half, lane_mask(valid[0], half));
        }
        for (std::int64_t s = 0; s < tile.supers(); ++s) {
            if constexpr (F.has_super_scale())
                super_scale<F, T>(tile, panel, s, x, acc);
            else
                block_scales<F, T>(tile, panel, s, x, acc);
        }
        for (int half = 0; half < 2; ++half) {
            for (int t = 0; t < T; ++t) _mm256_maskstore_ps(x[t].y + 8 * half, lane_mask(valid[0], half), acc[half][t]);
        }
    }
};

}  // namespace

void product_avx2(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Avx2>(w, x, ids, y, scratch);
}

void quantise_avx2(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) {
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
        }
    }
}

}  // namespace rorqual::panels
