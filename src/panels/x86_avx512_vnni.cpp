// Packed products for AVX-512 VNNI. A line of 16 rows × 4 k is one register; vpdpbusd adds its four products to each row's lane.
// Tile of 4 panels × 4 tokens: 16 sums, 4 weight lines and 4 broadcasts fit the 32 registers, and 8 loads feed 16 products.
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "panels/kernels.hpp"
#include "panels/tile.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::panels {
namespace {

__m512 halves(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
__m128i bytes16(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
__m512 unsigned_to_float(__m128i v) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v)); }
__m512 signed_to_float(__m128i v) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(v)); }

void store(std::byte* lines, std::int64_t i, __m512 v) { _mm512_store_ps(lines + i * line_bytes, v); }
__m512 line_of(const std::byte* line) { return _mm512_load_ps(line); }

/// The first (scale, even group) and second (minimum, odd group) six-bit numbers of pair p of a scale_min_6 or scale_6 header.
void six_bits(const std::byte* header, int pair, __m128i& first, __m128i& second) {
    const __m128i low = bytes16(header + 64 + 16 * pair);
    __m128i high = bytes16(header + 192 + 16 * (pair / 2));
    if (pair % 2) high = _mm_srli_epi16(high, 4);
    const __m128i nibble = _mm_set1_epi8(15);
    first = _mm_or_si128(_mm_and_si128(low, nibble), _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4));
    second = _mm_or_si128(_mm_and_si128(_mm_srli_epi16(low, 4), nibble), _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(12)), 2));
}

template <const PanelFormat& F>
void unpack_header(const std::byte* h, std::int64_t blocks, std::byte* scales, std::byte* mins, std::byte* d, std::byte* dmin) {
    if constexpr (F.has_super_scale()) store(d, 0, halves(h));
    if constexpr (F.header == Header::scale_min_6 || F.header == Header::scale_min_4) store(dmin, 0, halves(h + 32));
    if constexpr (F.header == Header::scale_min_6 || F.header == Header::scale_6) {
        for (int b = 0; b < 8; ++b) {
            __m128i first, second;
            six_bits(h, b, first, second);
            if constexpr (F.header == Header::scale_min_6) {
                store(scales, b, unsigned_to_float(first));
                store(mins, b, unsigned_to_float(second));
            } else {
                const __m512 bias = _mm512_set1_ps(32);
                store(scales, 2 * b, _mm512_sub_ps(unsigned_to_float(first), bias));
                store(scales, 2 * b + 1, _mm512_sub_ps(unsigned_to_float(second), bias));
            }
        }
    } else if constexpr (F.header == Header::scale_min_4) {
        for (int g = 0; g < 16; ++g) {
            const __m128i both = bytes16(h + 64 + 16 * g), nibble = _mm_set1_epi8(15);
            store(scales, g, unsigned_to_float(_mm_and_si128(both, nibble)));
            store(mins, g, unsigned_to_float(_mm_and_si128(_mm_srli_epi16(both, 4), nibble)));
        }
    } else if constexpr (F.header == Header::scale_8x16 || F.header == Header::scale_8x8) {
        for (int g = 0; g < (F.header == Header::scale_8x16 ? 16 : 8); ++g) store(scales, g, signed_to_float(bytes16(h + 64 + 16 * g)));
    } else if constexpr (F.header == Header::half) {
        for (std::int64_t b = 0; b < blocks; ++b) store(scales, b, halves(h + 32 * b));
    } else if constexpr (F.header == Header::half_min) {
        for (std::int64_t b = 0; b < blocks; ++b) {
            store(scales, b, halves(h + 64 * b));
            store(mins, b, halves(h + 64 * b + 32));
        }
    } else {
        for (std::int64_t b = 0; b < blocks; ++b) {  // half of 2^(e−127): the exponent field, with the two denormal cases apart
            const __m512i e = _mm512_cvtepu8_epi32(bytes16(h + 16 * b));
            __m512i bits = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
            bits = _mm512_mask_mov_epi32(bits, _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2)), _mm512_sllv_epi32(_mm512_set1_epi32(1 << 21), e));
            bits = _mm512_mask_mov_epi32(bits, _mm512_cmpeq_epi32_mask(e, _mm512_set1_epi32(255)), _mm512_set1_epi32(0x7fc00000));
            store(scales, b, _mm512_castsi512_ps(bits));
        }
    }
}

template <const PanelFormat& F>
void unpack_block(const std::byte* plane, std::byte* to) {
    if constexpr (F.bits8) {
        for (int j = 0; j < 8; ++j) _mm512_store_si512(to + 64 * j, _mm512_load_si512(plane + 64 * j));
        return;
    }
    const std::byte* plane2 = plane + 4 * line_bytes * F.bits4;
    const std::byte* plane1 = plane2 + 2 * line_bytes * F.bits2;
    for (int quad = 0; quad < 8; ++quad) {
        __m512i v = _mm512_setzero_si512();
        if constexpr (F.bits4) {
            v = _mm512_load_si512(plane + 64 * (quad / 2));
            if (quad % 2) v = _mm512_srli_epi16(v, 4);
            v = _mm512_and_si512(v, _mm512_set1_epi8(15));
        }
        if constexpr (F.bits2) {
            __m512i two = _mm512_and_si512(_mm512_srli_epi16(_mm512_load_si512(plane2 + 64 * (quad / 4)), static_cast<unsigned>(2 * (quad % 4))), _mm512_set1_epi8(3));
            if constexpr (F.bits4) two = _mm512_slli_epi16(two, 4);
            v = _mm512_or_si512(v, two);
        }
        if constexpr (F.bits1) {
            const __m512i one = _mm512_and_si512(_mm512_srli_epi16(_mm512_load_si512(plane1), static_cast<unsigned>(quad)), _mm512_set1_epi8(1));
            v = _mm512_or_si512(v, _mm512_slli_epi16(one, 4 * F.bits4 + 2 * F.bits2));
        }
        if constexpr (F.codes != Codes::linear) {
            const auto& values = F.codes == Codes::iq4 ? quant::iq4_values : quant::e2m1_doubled;
            const __m128i table = _mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data())), _mm_set1_epi8(static_cast<char>(byte_offset(F))));
            v = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), v);
        }
        _mm512_store_si512(to + 64 * quad, v);
    }
}

/// Bytes ahead of the super-block in work that are asked for while it is unpacked: covers page ends, where hardware prefetching stops.
constexpr std::int64_t prefetch_ahead = 4096;

template <const PanelFormat& F>
void unpack_super(const std::byte* super, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
    constexpr int groups_per_super = super_k / scale_group(F);
    const std::int64_t bytes = F.super_bytes(blocks);
    for (std::int64_t i = 0; i < bytes; i += line_bytes) _mm_prefetch(reinterpret_cast<const char*>(super) + prefetch_ahead + i, _MM_HINT_T0);
    const std::int64_t g = s * groups_per_super;
    unpack_header<F>(super, blocks, tile.scale_line(panel, g), tile.min_line(panel, g), tile.d_line(panel, s), tile.dmin_line(panel, s));
    for (std::int64_t b = 0; b < blocks; ++b) {
        unpack_block<F>(super + F.header_bytes(blocks) + b * F.code_bytes(), tile.code_line(panel, (8 * s + b) * quads));
    }
}

/// P panels × T tokens over the whole tile; y is read and written, in 16 lanes or under `mask` for a last panel.
template <const PanelFormat& F, int P, int T>
void micro(const Tile& tile, std::int64_t first_panel, const TokenRow (&x)[T], const int (&valid)[P]) {
    constexpr int group = scale_group(F), groups_of_block = block_k / group, quads_of_group = group / 4;
    __mmask16 mask[P];
    __m512 acc[P][T];
    for (int p = 0; p < P; ++p) {
        mask[p] = static_cast<__mmask16>((1U << valid[p]) - 1U);
        for (int t = 0; t < T; ++t) acc[p][t] = _mm512_maskz_loadu_ps(mask[p], x[t].y + p * panel_rows);
    }
    for (std::int64_t s = 0; s < tile.supers(); ++s) {
        const std::int64_t blocks = tile.blocks_of(s);
        __m512 sum[P][T];
        for (int p = 0; p < P; ++p) {
            for (int t = 0; t < T; ++t) sum[p][t] = _mm512_setzero_ps();
        }
        for (std::int64_t b = 0; b < blocks; ++b) {
            const std::int64_t block = 8 * s + b;
            for (int half = 0; half < groups_of_block; ++half) {
                const std::int64_t g = block * groups_of_block + half;
                __m512i dot[P][T];
                for (int t = 0; t < T; ++t) {
                    const __m512i start = _mm512_set1_epi32(-byte_offset(F) * x[t].template sum_of<group>(g));
                    for (int p = 0; p < P; ++p) dot[p][t] = start;
                }
#pragma GCC unroll 8
                for (int quad = 0; quad < quads_of_group; ++quad) {
                    const std::int64_t at = g * quads_of_group + quad;
                    __m512i w[P];
                    for (int p = 0; p < P; ++p) w[p] = _mm512_load_si512(tile.code_line(first_panel + p, at));
                    for (int t = 0; t < T; ++t) {
                        const __m512i v = _mm512_set1_epi32(x[t].quad(at));
                        for (int p = 0; p < P; ++p) dot[p][t] = _mm512_dpbusd_epi32(dot[p][t], w[p], v);
                    }
                }
                for (int p = 0; p < P; ++p) {
                    const __m512 scale = line_of(tile.scale_line(first_panel + p, g));
                    for (int t = 0; t < T; ++t) sum[p][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p][t]), scale, sum[p][t]);
                }
            }
            if constexpr (F.header == Header::half_min) {
                for (int p = 0; p < P; ++p) {
                    const __m512 m = line_of(tile.min_line(first_panel + p, block));
                    for (int t = 0; t < T; ++t) {
                        sum[p][t] = _mm512_fmadd_ps(m, _mm512_set1_ps(static_cast<float>(x[t].template sum_of<32>(block))), sum[p][t]);
                    }
                }
            }
        }
        for (int p = 0; p < P; ++p) {
            for (int t = 0; t < T; ++t) {
                const __m512 dx = _mm512_set1_ps(x[t].scale[s]);
                if constexpr (!F.has_super_scale()) {
                    acc[p][t] = _mm512_fmadd_ps(sum[p][t], dx, acc[p][t]);
                } else {
                    acc[p][t] = _mm512_fmadd_ps(sum[p][t], _mm512_mul_ps(line_of(tile.d_line(first_panel + p, s)), dx), acc[p][t]);
                    if constexpr (has_min(F)) {
                        __m512 m = _mm512_setzero_ps();
                        for (std::int64_t g = s * (super_k / group); g < (s + 1) * (super_k / group); ++g) {
                            m = _mm512_fmadd_ps(line_of(tile.min_line(first_panel + p, g)), _mm512_set1_ps(static_cast<float>(x[t].template sum_of<group>(g))), m);
                        }
                        acc[p][t] = _mm512_fnmadd_ps(m, _mm512_mul_ps(line_of(tile.dmin_line(first_panel + p, s)), dx), acc[p][t]);
                    }
                }
            }
        }
    }
    for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) _mm512_mask_storeu_ps(x[t].y + p * panel_rows, mask[p], acc[p][t]);
    }
}

struct Avx512Vnni {
    static constexpr int most_panels = 4;
    static constexpr int most_tokens = 4;
    template <const PanelFormat& F>
    static void unpack(const std::byte* super, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
        unpack_super<F>(super, blocks, tile, panel, s);
    }
    template <const PanelFormat& F, int P, int T>
    static void micro(const Tile& tile, std::int64_t panel, const TokenRow (&x)[T], const int (&valid)[P]) {
        panels::micro<F, P, T>(tile, panel, x, valid);
    }
};

}  // namespace

void product_avx512_vnni(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Avx512Vnni>(w, x, ids, y, scratch);
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
                _mm_storeu_si128(reinterpret_cast<__m128i*>(to.q + t * to.cols + k), _mm512_cvtepi32_epi8(q));
                to.sums[(t * to.cols + k) / 16] = static_cast<std::int16_t>(_mm512_reduce_add_epi32(q));
            }
        }
    }
}

}  // namespace rorqual::panels
