// Packed products for AVX-512 VNNI. A line of 16 rows × 4 k is one register; vpdpbusd adds its four products to each row's lane. Tile of
// 4 panels × 4 tokens: 16 sums, 4 weight lines and 4 broadcasts fit the 32 registers, and 8 loads feed 16 products; the float sums live
// in the first-level cache. Up to 8 tokens meet one panel as it comes from memory.
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "panels/kernels.hpp"
#include "panels/tile.hpp"
#include "panels/transpose.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::panels {
namespace {

__m512 halves(const std::byte* p) { return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p))); }
__m128i bytes16(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
__m512 unsigned_to_float(__m128i v) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(v)); }
__m512 signed_to_float(__m128i v) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(v)); }

void store(std::byte* line, __m512 v) { _mm512_store_ps(line, v); }
__m512 load(const std::byte* line) { return _mm512_load_ps(line); }

/// A line of int16 pairs (a of row r, b of row r) from 16 unsigned bytes each.
void store_pairs(std::byte* line, __m128i a, __m128i b) {
    const __m512i wide_a = _mm512_cvtepu8_epi32(a), wide_b = _mm512_cvtepu8_epi32(b);
    _mm512_store_si512(line, _mm512_or_si512(wide_a, _mm512_slli_epi32(wide_b, 16)));
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

/// Half of 2^(e−127) for 16 exponents: their field, with the subnormal cases and NaN apart.
__m512 halved_powers(__m128i exponents) {
    const __m512i e = _mm512_cvtepu8_epi32(exponents);
    __m512i bits = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
    bits = _mm512_mask_mov_epi32(bits, _mm512_cmplt_epi32_mask(e, _mm512_set1_epi32(2)), _mm512_sllv_epi32(_mm512_set1_epi32(1 << 21), e));
    bits = _mm512_mask_mov_epi32(bits, _mm512_cmpeq_epi32_mask(e, _mm512_set1_epi32(255)), _mm512_set1_epi32(0x7fc00000));
    return _mm512_castsi512_ps(bits);
}

/// Lines of a super-block's scales in a tile: f32 scales a group; minima as int16 pairs (group 2i, group 2i+1) for K formats, f32 a block
/// for Q4_1 and Q5_1.
struct ScaleLines {
    std::byte *scales, *mins, *d, *dmin;
    static ScaleLines in(const Tile& tile, std::int64_t panel, std::int64_t s) {
        const std::int64_t g = s * (super_k / tile.group);
        return {tile.scale_line(panel, g), tile.min_line(panel, g), tile.d_line(panel, s), tile.dmin_line(panel, s)};
    }
};

template <const PanelFormat& F>
void unpack_header(const std::byte* h, std::int64_t blocks, const ScaleLines& to) {
    const auto scale_to = [&](std::int64_t g, __m512 v) { store(to.scales + line_bytes * g, v); };
    if constexpr (F.header == Header::row) store(to.d, load(h));
    if constexpr (F.has_super_scale() && F.header != Header::row) store(to.d, halves(h));
    if constexpr (F.has_super_scale() && has_min(F)) store(to.dmin, halves(h + 32));
    const __m128i nibble = _mm_set1_epi8(15);
    if constexpr (F.header == Header::scale_min_6) {
        for (int b = 0; b < 8; b += 2) {
            __m128i scale[2], min[2];
            for (int i = 0; i < 2; ++i) {
                six_bits(h, b + i, scale[i], min[i]);
                scale_to(b + i, unsigned_to_float(scale[i]));
            }
            store_pairs(to.mins + line_bytes * (b / 2), min[0], min[1]);
        }
    } else if constexpr (F.header == Header::scale_6) {
        for (int pair = 0; pair < 8; ++pair) {
            __m128i even, odd;
            six_bits(h, pair, even, odd);
            scale_to(2 * pair, _mm512_sub_ps(unsigned_to_float(even), _mm512_set1_ps(32)));
            scale_to(2 * pair + 1, _mm512_sub_ps(unsigned_to_float(odd), _mm512_set1_ps(32)));
        }
    } else if constexpr (F.header == Header::scale_min_4) {
        for (int g = 0; g < 16; g += 2) {
            const __m128i even = bytes16(h + 64 + 16 * g), odd = bytes16(h + 80 + 16 * g);
            scale_to(g, unsigned_to_float(_mm_and_si128(even, nibble)));
            scale_to(g + 1, unsigned_to_float(_mm_and_si128(odd, nibble)));
            store_pairs(to.mins + line_bytes * (g / 2), _mm_and_si128(_mm_srli_epi16(even, 4), nibble), _mm_and_si128(_mm_srli_epi16(odd, 4), nibble));
        }
    } else if constexpr (F.header == Header::scale_8x16 || F.header == Header::scale_8x8) {
        for (int g = 0; g < super_k / scale_group(F); ++g) scale_to(g, signed_to_float(bytes16(h + 64 + 16 * g)));
    } else if constexpr (F.header == Header::half) {
        for (std::int64_t b = 0; b < blocks; ++b) scale_to(b, halves(h + 32 * b));
    } else if constexpr (F.header == Header::half_min) {
        for (std::int64_t b = 0; b < blocks; ++b) {
            scale_to(b, halves(h + 64 * b));
            store(to.mins + line_bytes * b, halves(h + 64 * b + 32));
        }
    } else if constexpr (F.header == Header::exponent) {
        for (std::int64_t b = 0; b < blocks; ++b) scale_to(b, halved_powers(bytes16(h + 16 * b)));
    }
}

/// The bits of `mask` in each byte after shifting left (right where negative) by `by`.
template <int by, int mask>
[[gnu::always_inline]] inline __m512i shifted(__m512i v) {
    if constexpr (by > 0) v = _mm512_slli_epi16(v, by);
    if constexpr (by < 0) v = _mm512_srli_epi16(v, -by);
    return _mm512_and_si512(v, _mm512_set1_epi8(static_cast<char>(mask)));
}

/// A block's codes as they lie in memory: the line of a quad, its codes unpacked to bytes in a register.
template <const PanelFormat& F>
struct Packed {
    const std::byte* plane;

    [[nodiscard]] Packed after(std::int64_t blocks) const { return {plane + blocks * F.code_bytes()}; }
    template <int quad>
    [[nodiscard, gnu::always_inline]] __m512i at() const {
        const std::byte* plane2 = plane + 4 * line_bytes * F.bits4;
        const std::byte* plane1 = plane2 + 2 * line_bytes * F.bits2;
        constexpr int low2 = 4 * F.bits4, low1 = low2 + 2 * F.bits2;  // where the bits of these planes belong
        __m512i v = _mm512_setzero_si512();
        if constexpr (F.bits8) v = _mm512_load_si512(plane + 64 * quad);
        if constexpr (F.bits4) v = shifted<-4 * (quad % 2), 15>(_mm512_load_si512(plane + 64 * (quad / 2)));
        if constexpr (F.bits2) v = _mm512_or_si512(v, shifted<low2 - 2 * (quad % 4), 3 << low2>(_mm512_load_si512(plane2 + 64 * (quad / 4))));
        if constexpr (F.bits1) v = _mm512_or_si512(v, shifted<low1 - quad, 1 << low1>(_mm512_load_si512(plane1)));
        if constexpr (F.codes != Codes::linear) {
            const auto& values = F.codes == Codes::iq4 ? quant::iq4_values : quant::e2m1_doubled;
            const __m128i table = _mm_add_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data())), _mm_set1_epi8(static_cast<char>(byte_offset(F))));
            v = _mm512_shuffle_epi8(_mm512_broadcast_i32x4(table), v);
        }
        return v;
    }
};

/// A block's codes in a tile.
struct Unpacked {
    const std::byte* lines;

    [[nodiscard]] Unpacked after(std::int64_t blocks) const { return {lines + blocks * quads * line_bytes}; }
    template <int quad>
    [[nodiscard, gnu::always_inline]] __m512i at() const {
        return _mm512_load_si512(lines + 64 * quad);
    }
};

template <const PanelFormat& F, int... quad>
[[gnu::always_inline]] inline void unpack_block(const std::byte* plane, std::byte* to, std::integer_sequence<int, quad...>) {
    const Packed<F> packed{plane};
    (_mm512_store_si512(to + 64 * quad, packed.template at<quad>()), ...);
}

/// One quad of P panels × T tokens.
template <int quad, int P, int T, class Codes>
[[gnu::always_inline]] inline void add_quad(const Codes (&codes)[P], const TokenRow (&x)[T], std::int64_t block, __m512i (&sum)[P][T]) {
    __m512i w[P];
    for (int p = 0; p < P; ++p) w[p] = codes[p].template at<quad>();
    for (int t = 0; t < T; ++t) {
        const __m512i v = _mm512_set1_epi32(x[t].quad(quads * block + quad));
        for (int p = 0; p < P; ++p) sum[p][t] = _mm512_dpbusd_epi32(sum[p][t], w[p], v);
    }
}

/// Quads [first, first + number of `more`) of a block, less the codes' offset; converted, scaled and added to the sums.
template <const PanelFormat& F, int first, int P, int T, class Codes, int... more>
[[gnu::always_inline]] inline void add_group(const Codes (&codes)[P], const ScaleLines (&lines)[P], const TokenRow (&x)[T], std::int64_t block, __m512 (&sum)[P][T],
                                             std::integer_sequence<int, more...>) {
    constexpr bool whole = sizeof...(more) == quads;  // else a half of a block, which takes one of a pair of sums
    constexpr int offset = -byte_offset(F);
    constexpr int pair = whole ? static_cast<int>((static_cast<unsigned>(offset) & 0xffffU) * 0x10001U)
                               : static_cast<int>((static_cast<unsigned>(offset) & 0xffffU) << (first ? 16 : 0));
    __m512i dot[P][T];
    for (int t = 0; t < T; ++t) {
        __m512i start = _mm512_setzero_si512();
        if constexpr (offset != 0) start = _mm512_dpwssd_epi32(start, _mm512_set1_epi32(pair), _mm512_set1_epi32(x[t].pair_of_sums(2 * block)));
        for (int p = 0; p < P; ++p) dot[p][t] = start;
    }
    (add_quad<first + more>(codes, x, block, dot), ...);
    const std::int64_t group = whole ? block : 2 * block + (first ? 1 : 0);
    for (int p = 0; p < P; ++p) {
        const __m512 scale = load(lines[p].scales + line_bytes * group);
        for (int t = 0; t < T; ++t) sum[p][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p][t]), scale, sum[p][t]);
    }
}

/// Σ over pairs of groups of a super-block: pairs of minima times pairs of the token's group sums.
template <const PanelFormat& F>
[[gnu::always_inline]] inline __m512 dot_sums(const std::byte* mins, const TokenRow& x) {
    __m512i sum = _mm512_setzero_si512();
    for (int pair = 0; pair < super_k / scale_group(F) / 2; ++pair) {
        const int sums = scale_group(F) == 16 ? x.pair_of_sums(2 * pair) : x.pair_of_block_sums(2 * pair);
        sum = _mm512_dpwssd_epi32(sum, _mm512_load_si512(mins + line_bytes * pair), _mm512_set1_epi32(sums));
    }
    return _mm512_cvtepi32_ps(sum);
}

/// A super-block of i8, P panels × T tokens: one exact sum, less the codes' offset, scaled once.
template <const PanelFormat& F, int P, int T, class Codes, int... quad>
[[gnu::always_inline]] inline void add_row_super(const Codes (&panels)[P], const ScaleLines (&lines)[P], std::int64_t blocks, const TokenRow (&x)[T], __m512 (&acc)[P][T],
                                                 std::integer_sequence<int, quad...>) {
    constexpr int offsets = static_cast<int>((static_cast<unsigned>(-byte_offset(F)) & 0xffffU) * 0x10001U);
    __m512i dot[P][T];
    for (int t = 0; t < T; ++t) {
        __m512i start = _mm512_setzero_si512();
        for (std::int64_t b = 0; b < blocks; ++b) start = _mm512_dpwssd_epi32(start, _mm512_set1_epi32(offsets), _mm512_set1_epi32(x[t].pair_of_sums(2 * b)));
        for (int p = 0; p < P; ++p) dot[p][t] = start;
    }
    Codes codes[P];
    std::copy_n(panels, P, codes);
    for (std::int64_t b = 0; b < blocks; ++b) {
        (add_quad<quad>(codes, x, b, dot), ...);
        for (auto& panel : codes) panel = panel.after(1);
    }
    for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) {
            acc[p][t] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[p][t]), _mm512_mul_ps(load(lines[p].d), _mm512_set1_ps(*x[t].scale)), acc[p][t]);
        }
    }
}

/// A super-block of P panels × T tokens.
template <const PanelFormat& F, int P, int T, class Codes>
[[gnu::always_inline]] inline void add_super(const Codes (&panels)[P], const ScaleLines (&lines)[P], std::int64_t blocks, const TokenRow (&x)[T], __m512 (&acc)[P][T]) {
    if constexpr (F.header == Header::row) return add_row_super<F>(panels, lines, blocks, x, acc, std::make_integer_sequence<int, quads>{});
    __m512 sum[P][T];
    for (auto& panel : sum) {
        for (auto& v : panel) v = _mm512_setzero_ps();
    }
    Codes codes[P];
    std::copy_n(panels, P, codes);
    for (std::int64_t b = 0; b < blocks; ++b) {
        if constexpr (scale_group(F) == 16) {
            add_group<F, 0>(codes, lines, x, b, sum, std::make_integer_sequence<int, quads / 2>{});
            add_group<F, quads / 2>(codes, lines, x, b, sum, std::make_integer_sequence<int, quads / 2>{});
        } else {
            add_group<F, 0>(codes, lines, x, b, sum, std::make_integer_sequence<int, quads>{});
        }
        if constexpr (F.header == Header::half_min) {
            for (int t = 0; t < T; ++t) {
                const __m512i pair = _mm512_set1_epi32(x[t].pair_of_sums(2 * b));
                const __m512 of_block = _mm512_cvtepi32_ps(_mm512_madd_epi16(pair, _mm512_set1_epi16(1)));
                for (int p = 0; p < P; ++p) sum[p][t] = _mm512_fmadd_ps(load(lines[p].mins + line_bytes * b), of_block, sum[p][t]);
            }
        }
        for (auto& panel : codes) panel = panel.after(1);
    }
    for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) {
            const __m512 dx = _mm512_set1_ps(*x[t].scale);
            if constexpr (!F.has_super_scale()) {
                acc[p][t] = _mm512_fmadd_ps(sum[p][t], dx, acc[p][t]);
            } else {
                acc[p][t] = _mm512_fmadd_ps(sum[p][t], _mm512_mul_ps(load(lines[p].d), dx), acc[p][t]);
                if constexpr (has_min(F)) {
                    acc[p][t] = _mm512_fnmadd_ps(dot_sums<F>(lines[p].mins, x[t]), _mm512_mul_ps(load(lines[p].dmin), dx), acc[p][t]);
                }
            }
        }
    }
}

/// Bytes ahead of the super-block in work that are asked for: covers page ends, where hardware prefetching stops.
constexpr std::int64_t prefetch_ahead = 4096;
void prefetch(const std::byte* from, std::int64_t bytes) {
    for (std::int64_t i = 0; i < bytes; i += line_bytes) _mm_prefetch(reinterpret_cast<const char*>(from) + prefetch_ahead + i, _MM_HINT_T0);
}

/// Lanes that stand for existing rows.
__mmask16 lanes(int valid) { return static_cast<__mmask16>((1U << valid) - 1U); }

struct Avx512Vnni {
    static constexpr int direct_tokens = tokens_in_registers(8);
    static constexpr int tile_panels = panels::tile_panels;
    static constexpr std::int64_t tile_k = 512;
    static constexpr int most_tokens = tokens_in_registers(4);

    template <const PanelFormat& F>
    [[gnu::noinline]] static void unpack(const std::byte* super, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
        prefetch(super, F.super_bytes(blocks));
        unpack_header<F>(super, blocks, ScaleLines::in(tile, panel, s));
        for (std::int64_t b = 0; b < blocks; ++b) {
            unpack_block<F>(super + F.header_bytes(blocks) + b * F.code_bytes(), tile.block(panel, 8 * s + b), std::make_integer_sequence<int, quads>{});
        }
    }

    template <const PanelFormat& F, int P, int T>
    [[gnu::noinline]] static void micro(const Tile& tile, std::int64_t panel, const TokenRow (&tokens)[T], const int (&valid)[P], bool first) {
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        __m512 acc[P][T];
        for (int p = 0; p < P; ++p) {
            for (int t = 0; t < T; ++t) acc[p][t] = _mm512_maskz_loadu_ps(first ? __mmask16{0} : lanes(valid[p]), x[t].y + p * panel_rows);
        }
        for (std::int64_t s = 0; s < tile.supers(); ++s) {
            Unpacked codes[P];
            ScaleLines lines[P];
            for (int p = 0; p < P; ++p) {
                codes[p] = {tile.block(panel + p, 8 * s)};
                lines[p] = ScaleLines::in(tile, panel + p, s);
            }
            add_super<F>(codes, lines, tile.blocks_of(s), x, acc);
            for (auto& token : x) token.next_super();
        }
        for (int p = 0; p < P; ++p) {
            for (int t = 0; t < T; ++t) _mm512_mask_storeu_ps(x[t].y + p * panel_rows, lanes(valid[p]), acc[p][t]);
        }
    }

    template <const PanelFormat& F, int T>
    [[gnu::noinline]] static void direct(const std::byte* super, std::int64_t cols, const Tile& header, const TokenRow (&tokens)[T], int valid) {
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        __m512 acc[1][T];
        for (auto& v : acc[0]) v = _mm512_setzero_ps();
        const ScaleLines lines[1] = {ScaleLines::in(header, 0, 0)};
        for (std::int64_t k = 0; k < cols; k += super_k) {
            const std::int64_t blocks = std::min<std::int64_t>(8, (cols - k) / block_k);
            prefetch(super, F.super_bytes(blocks));
            unpack_header<F>(super, blocks, lines[0]);
            const Packed<F> codes[1] = {{super + F.header_bytes(blocks)}};
            add_super<F>(codes, lines, blocks, x, acc);
            for (auto& token : x) token.next_super();
            super += F.super_bytes(blocks);
        }
        for (int t = 0; t < T; ++t) _mm512_mask_storeu_ps(x[t].y, lanes(valid), acc[0][t]);
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
            for (std::int64_t b = (t * to.cols + k0) / block_k; b < (t * to.cols + k1) / block_k; ++b) {
                to.block_sums[b] = static_cast<std::int16_t>(to.sums[2 * b] + to.sums[2 * b + 1]);
            }
        }
    }
}

void transpose_avx512_vnni(const Panels& w, std::int64_t super, std::byte* to) { transpose_panels(w, super, to); }

}  // namespace rorqual::panels
