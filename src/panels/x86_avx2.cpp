// Packed products for AVX2. Codes of up to six bits are unsigned bytes whose products with int8 activations fit int16 when few are added
// (15·127·2·8 < 2^15: a whole block of 4-bit codes), so that one vpmaddwd widens, scales and sums them at once. Codes of eight bits are
// kept signed; |w| · sign(w)·x fits int16 once. One panel (two registers a line) × 4 tokens: 8 sums, 2 weight lines and a broadcast
// fit the 16 registers; the int32 sums live in the first-level cache.
#include <immintrin.h>

#include <algorithm>
#include <type_traits>
#include <utility>

#include "panels/avx2_quantise.hpp"
#include "panels/kernels.hpp"
#include "panels/tile.hpp"
#include "panels/transposed_product.hpp"
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
    Half::store(line, 0, _mm256_cvtepi8_epi16(_mm_unpacklo_epi8(a, b)));
    Half::store(line, 1, _mm256_cvtepi8_epi16(_mm_unpackhi_epi8(a, b)));
}

/// Integer scales and minima of groups 2·pair and 2·pair + 1 as the K formats keep them, 16 signed bytes each.
template <const PanelFormat& F>
struct PairOfGroups {
    __m128i scale[2], min[2];

    PairOfGroups(const std::byte* h, int pair) {
        if constexpr (F.header == Header::scale_min_6) {
            for (int i = 0; i < 2; ++i) six_bits(h, 2 * pair + i, scale[i], min[i]);
        } else if constexpr (F.header == Header::scale_6) {
            six_bits(h, pair, scale[0], scale[1]);
            for (auto& s : scale) s = _mm_sub_epi8(s, _mm_set1_epi8(32));
        } else {
            for (int i = 0; i < 2; ++i) scale[i] = bytes16(h + 64 + 32 * pair + 16 * i);
        }
        if constexpr (F.header == Header::scale_min_4) {
            for (int i = 0; i < 2; ++i) {
                min[i] = _mm_and_si128(_mm_srli_epi16(scale[i], 4), _mm_set1_epi8(15));
                scale[i] = _mm_and_si128(scale[i], _mm_set1_epi8(15));
            }
        }
    }
};

/// Lines of a super-block's scales in a tile.
struct ScaleLines {
    std::byte *scales, *mins, *d, *dmin;
    static ScaleLines in(const Tile& tile, std::int64_t panel, std::int64_t s) {
        const std::int64_t g = s * (super_k / tile.group);
        return {tile.scale_line(panel, g), tile.min_line(panel, g), tile.d_line(panel, s), tile.dmin_line(panel, s)};
    }
};

/// Half of 2^(e−127) for the eight exponents at p: their field, with the subnormal cases and NaN apart.
__m256i halved_powers(const std::byte* p) {
    const __m256i e = _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
    const __m256i small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e), nan = _mm256_cmpeq_epi32(e, _mm256_set1_epi32(255));
    __m256i bits = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
    bits = _mm256_blendv_epi8(bits, _mm256_sllv_epi32(_mm256_set1_epi32(1 << 21), e), small);
    return _mm256_blendv_epi8(bits, _mm256_set1_epi32(0x7fc00000), nan);
}

/// Scale lines: int16 pairs (sc, sc) a group for K formats, f32 a block for others. Min lines: for K formats with minima the pairs
/// (mn of group 2i, mn of group 2i+1), for those with an offset the same of scales; f32 minima a block for Q4_1 and Q5_1.
template <const PanelFormat& F>
void unpack_header(const std::byte* h, std::int64_t blocks, const ScaleLines& to) {
    if constexpr (F.header == Header::row) {
        for (int half = 0; half < 2; ++half) Half::store(to.d, half, Half::load(h, half));
    } else if constexpr (F.has_super_scale()) {
        store_halves(to.d, h);
        if constexpr (has_min(F)) store_halves(to.dmin, h + 32);
        for (int pair = 0; pair < super_k / scale_group(F) / 2; ++pair) {
            const PairOfGroups<F> groups(h, pair);
            for (int i = 0; i < 2; ++i) store_pairs(to.scales + line_bytes * (2 * pair + i), groups.scale[i], groups.scale[i]);
            if constexpr (has_min(F))
                store_pairs(to.mins + line_bytes * pair, groups.min[0], groups.min[1]);
            else if constexpr (offset_of(F) != 0)
                store_pairs(to.mins + line_bytes * pair, groups.scale[0], groups.scale[1]);
        }
    } else {
        for (std::int64_t b = 0; b < blocks; ++b) {
            std::byte* line = to.scales + line_bytes * b;
            if constexpr (F.header == Header::exponent) {
                for (int half = 0; half < 2; ++half) Half::store(line, half, halved_powers(h + 16 * b + 8 * half));
            } else if constexpr (F.header == Header::half_min) {
                store_halves(line, h + 64 * b);
                store_halves(to.mins + line_bytes * b, h + 64 * b + 32);
            } else {
                store_halves(line, h + 32 * b);
            }
        }
    }
}

/// The bits of `mask` in each byte after shifting left (right where negative) by `by`.
template <int by, int mask>
[[gnu::always_inline]] inline __m256i shifted(__m256i v) {
    if constexpr (by > 0) v = _mm256_slli_epi16(v, by);
    if constexpr (by < 0) v = _mm256_srli_epi16(v, -by);
    return _mm256_and_si256(v, _mm256_set1_epi8(static_cast<char>(mask)));
}

/// A block's codes as they lie in memory: a half line of a quad, its codes unpacked to bytes in registers.
template <const PanelFormat& F>
struct Packed {
    const std::byte* plane;

    void next() { plane += F.code_bytes(); }
    template <int quad, int half>
    [[nodiscard, gnu::always_inline]] __m256i at() const {
        const std::byte* plane2 = plane + 4 * line_bytes * F.bits4;
        const std::byte* plane1 = plane2 + 2 * line_bytes * F.bits2;
        constexpr int low2 = 4 * F.bits4, low1 = low2 + 2 * F.bits2;  // where the bits of these planes belong
        __m256i v = _mm256_setzero_si256();
        if constexpr (F.bits8) v = _mm256_xor_si256(Half::load(plane + 64 * quad, half), _mm256_set1_epi8(-128));
        if constexpr (F.bits4) v = shifted<-4 * (quad % 2), 15>(Half::load(plane + 64 * (quad / 2), half));
        if constexpr (F.bits2) v = _mm256_or_si256(v, shifted<low2 - 2 * (quad % 4), 3 << low2>(Half::load(plane2 + 64 * (quad / 4), half)));
        if constexpr (F.bits1) v = _mm256_or_si256(v, shifted<low1 - quad, 1 << low1>(Half::load(plane1, half)));
        if constexpr (F.codes != Codes::linear) {
            const auto& values = F.codes == Codes::iq4 ? quant::iq4_values : quant::e2m1_doubled;
            __m128i table = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values.data()));
            if constexpr (F.codes == Codes::e2m1) table = _mm_add_epi8(table, _mm_set1_epi8(byte_offset(F)));
            v = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(table), v);
        }
        return v;
    }
};

/// A block's codes in a tile.
struct Unpacked {
    const std::byte* lines;

    void next() { lines += quads * line_bytes; }
    template <int quad, int half>
    [[nodiscard, gnu::always_inline]] __m256i at() const {
        return Half::load(lines + 64 * quad, half);
    }
};

template <const PanelFormat& F, int... quad>
[[gnu::always_inline]] inline void unpack_block(const std::byte* plane, std::byte* to, std::integer_sequence<int, quad...>) {
    const Packed<F> packed{plane};
    (Half::store(to + 64 * quad, 0, packed.template at<quad, 0>()), ...);
    (Half::store(to + 64 * quad, 1, packed.template at<quad, 1>()), ...);
}

/// The same value. GCC reorders integer sums at will, and runs out of registers; not across this.
[[gnu::always_inline]] inline __m256i in_order(__m256i v) {
    __asm__(""
            : "+x"(v));
    return v;
}

template <const PanelFormat& F>
[[gnu::always_inline]] inline __m256i dot4(__m256i w, __m256i x) {
    if constexpr (signed_bytes(F)) return _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(x, w));
    return _mm256_maddubs_epi16(w, x);
}

/// Adds a quad's products to the int16 sums of T tokens, or begins these.
template <const PanelFormat& F, int quad, bool begin, int T, class Codes>
[[gnu::always_inline]] inline void add_quad(const Codes& codes, const TokenRow (&x)[T], std::int64_t block, __m256i (&narrow)[2][T]) {
    const __m256i w[2] = {codes.template at<quad, 0>(), codes.template at<quad, 1>()};
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
        const __m256i v = _mm256_set1_epi32(x[t].quad(quads * block + quad));
        for (int half = 0; half < 2; ++half) {
            const __m256i product = dot4<F>(w[half], v);
            narrow[half][t] = begin ? product : in_order(_mm256_add_epi16(narrow[half][t], product));
        }
    }
}

/// The quads of one widening, beginning with `first`: added in int16, then multiplied by pairs of scales and added to int32 sums.
template <const PanelFormat& F, int first, int T, class Codes, int... more>
[[gnu::always_inline]] inline void widening(const Codes& codes, const TokenRow (&x)[T], std::int64_t block, const __m256i (&scale)[2], __m256i (&sum)[2][T],
                                            std::integer_sequence<int, more...>) {
    __m256i narrow[2][T];
    add_quad<F, first, true>(codes, x, block, narrow);
    (add_quad<F, first + 1 + more, false>(codes, x, block, narrow), ...);
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) sum[half][t] = _mm256_add_epi32(sum[half][t], _mm256_madd_epi16(narrow[half][t], scale[half]));
    }
}

/// Quads [first, last) of a block.
template <const PanelFormat& F, int first, int last, int T, class Codes>
[[gnu::always_inline]] inline void dot(const Codes& codes, const TokenRow (&x)[T], std::int64_t block, const __m256i (&scale)[2], __m256i (&sum)[2][T]) {
    constexpr int added = quads_per_widening(F);
    widening<F, first>(codes, x, block, scale, sum, std::make_integer_sequence<int, added - 1>{});
    if constexpr (first + added < last) dot<F, first + added, last>(codes, x, block, scale, sum);
}

/// Σ over pairs of groups of a super-block: min-line pairs times the pairs of the token's group sums.
template <const PanelFormat& F>
[[gnu::always_inline]] inline __m256i dot_sums(const std::byte* mins, const TokenRow& x, int half) {
    __m256i sum = _mm256_setzero_si256();
    for (int pair = 0; pair < super_k / scale_group(F) / 2; ++pair) {
        const int sums = scale_group(F) == 16 ? x.pair_of_sums(2 * pair) : x.pair_of_block_sums(2 * pair);
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(Half::load(mins + line_bytes * pair, half), _mm256_set1_epi32(sums)));
    }
    return sum;
}

/// A super-block of a K format or of i8: S and M as exact integers, then two fused multiply-adds.
template <const PanelFormat& F, int T, class Codes>
[[gnu::always_inline]] inline void super_scale(Codes codes, const ScaleLines& lines, std::int64_t blocks, const TokenRow (&x)[T], __m256 (&acc)[2][T]) {
    constexpr int group_quads = scale_group(F) / 4;
    constexpr bool scaled = F.header != Header::row;
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i sum[2][T];
    for (auto& half : sum) {
        for (auto& v : half) v = _mm256_setzero_si256();
    }
    const std::byte* scales = lines.scales;
    for (std::int64_t b = 0; b < (scaled ? 8 : blocks); ++b) {  // super-blocks of K formats are whole
        dot<F, 0, group_quads>(codes, x, b, {scaled ? Half::load(scales, 0) : ones, scaled ? Half::load(scales, 1) : ones}, sum);
        if constexpr (scale_group(F) == 16) {
            scales += line_bytes;
            dot<F, 4, 8>(codes, x, b, {Half::load(scales, 0), Half::load(scales, 1)}, sum);
        }
        scales += line_bytes;
        codes.next();
    }
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) {
            const __m256 dx = _mm256_set1_ps(*x[t].scale);
            __m256i total = sum[half][t];
            if constexpr (!has_min(F) && offset_of(F) != 0) {
                total = _mm256_sub_epi32(total, _mm256_mullo_epi32(dot_sums<F>(lines.mins, x[t], half), _mm256_set1_epi32(offset_of(F))));
            }
            acc[half][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total), _mm256_mul_ps(Half::loadf(lines.d, half), dx), acc[half][t]);
            if constexpr (has_min(F)) {
                const __m256 m = _mm256_cvtepi32_ps(dot_sums<F>(lines.mins, x[t], half));
                acc[half][t] = _mm256_fnmadd_ps(m, _mm256_mul_ps(Half::loadf(lines.dmin, half), dx), acc[half][t]);
            }
        }
    }
}

/// A super-block of a format with a scale per block.
template <const PanelFormat& F, int T, class Codes>
[[gnu::always_inline]] inline void block_scales(Codes codes, const ScaleLines& lines, std::int64_t blocks, const TokenRow (&x)[T], __m256 (&acc)[2][T]) {
    const __m256i ones = _mm256_set1_epi16(1);
    __m256 sum[2][T];
    for (auto& half : sum) {
        for (auto& v : half) v = _mm256_setzero_ps();
    }
    for (std::int64_t b = 0; b < blocks; ++b) {
        __m256i total[2][T];
        for (int t = 0; t < T; ++t) {
            const __m256i sums = _mm256_set1_epi32(x[t].pair_of_sums(2 * b));
            total[0][t] = total[1][t] = _mm256_madd_epi16(sums, _mm256_set1_epi16(static_cast<short>(-offset_of(F))));
        }
        dot<F, 0, quads>(codes, x, b, {ones, ones}, total);
        for (int half = 0; half < 2; ++half) {
            const __m256 scale = Half::loadf(lines.scales + line_bytes * b, half);
            for (int t = 0; t < T; ++t) {
                sum[half][t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(total[half][t]), scale, sum[half][t]);
                if constexpr (F.header == Header::half_min) {
                    const __m256 of_block = _mm256_cvtepi32_ps(_mm256_madd_epi16(_mm256_set1_epi32(x[t].pair_of_sums(2 * b)), ones));
                    sum[half][t] = _mm256_fmadd_ps(Half::loadf(lines.mins + line_bytes * b, half), of_block, sum[half][t]);
                }
            }
        }
        codes.next();
    }
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) acc[half][t] = _mm256_fmadd_ps(sum[half][t], _mm256_set1_ps(*x[t].scale), acc[half][t]);
    }
}

template <const PanelFormat& F, int T, class Codes>
[[gnu::always_inline]] inline void add_super(Codes codes, const ScaleLines& lines, std::int64_t blocks, const TokenRow (&x)[T], __m256 (&acc)[2][T]) {
    if constexpr (F.has_super_scale())
        super_scale<F, T>(codes, lines, blocks, x, acc);
    else
        block_scales<F, T>(codes, lines, blocks, x, acc);
}

/// Lanes of a half that stand for existing rows.
__m256i lane_mask(int valid, int half) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(valid - 8 * half), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
template <int T>
[[gnu::always_inline]] inline void load(const TokenRow (&x)[T], int valid, bool first, __m256 (&acc)[2][T]) {
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) acc[half][t] = first ? _mm256_setzero_ps() : _mm256_maskload_ps(x[t].y + 8 * half, lane_mask(valid, half));
    }
}
template <int T>
[[gnu::always_inline]] inline void store(const TokenRow (&x)[T], int valid, const __m256 (&acc)[2][T]) {
    for (int half = 0; half < 2; ++half) {
        for (int t = 0; t < T; ++t) _mm256_maskstore_ps(x[t].y + 8 * half, lane_mask(valid, half), acc[half][t]);
    }
}

/// Bytes ahead of the super-block in work that are asked for: covers page ends, where hardware prefetching stops.
constexpr std::int64_t prefetch_ahead = 4096;
void prefetch(const std::byte* from, std::int64_t bytes) {
    for (std::int64_t i = 0; i < bytes; i += line_bytes) _mm_prefetch(reinterpret_cast<const char*>(from) + prefetch_ahead + i, _MM_HINT_T0);
}

struct Avx2 {
    static constexpr int direct_tokens = tokens_in_registers(4);
    static constexpr int tile_panels = 1, most_panels = 1;
    static constexpr std::int64_t tile_k = 1024;
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
        using Codes = std::conditional_t<F.header == Header::row, Packed<F>, Unpacked>;  // i8 is met where it lies
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        __m256 acc[2][T];
        load(x, valid[0], first, acc);
        for (std::int64_t s = 0; s < tile.supers(); ++s) {
            add_super<F, T>(Codes{tile.block(panel, 8 * s)}, ScaleLines::in(tile, panel, s), tile.blocks_of(s), x, acc);
            for (auto& token : x) token.next_super();
        }
        store(x, valid[0], acc);
    }

    template <const PanelFormat& F, int T>
    [[gnu::noinline]] static void direct(const std::byte* super, std::int64_t cols, const Tile& header, const TokenRow (&tokens)[T], int valid) {
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        __m256 acc[2][T];
        load(x, valid, true, acc);
        const ScaleLines lines = ScaleLines::in(header, 0, 0);
        for (std::int64_t k = 0; k < cols; k += super_k) {
            const std::int64_t blocks = std::min<std::int64_t>(8, (cols - k) / block_k);
            prefetch(super, F.super_bytes(blocks));
            unpack_header<F>(super, blocks, lines);
            add_super<F, T>(Packed<F>{super + F.header_bytes(blocks)}, lines, blocks, x, acc);
            for (auto& token : x) token.next_super();
            super += F.super_bytes(blocks);
        }
        store(x, valid, acc);
    }
};

/// Pairs of int16: what the transposed product asks for.
struct Avx2Pairs {
    static constexpr int parts = 2, transposed_panels = 1, most_tokens = 4;
    using Ints = std::int32_t __attribute__((vector_size(32)));
    using Reals = float __attribute__((vector_size(32)));

    static Ints broadcast(int x) { return reinterpret_cast<Ints>(_mm256_set1_epi32(x)); }
    static Reals broadcast(float x) { return _mm256_set1_ps(x); }
    static Ints dot2(Ints sum, Ints a, Ints b) {
        return sum + reinterpret_cast<Ints>(_mm256_madd_epi16(reinterpret_cast<__m256i>(a), reinterpret_cast<__m256i>(b)));
    }
};

}  // namespace

void product_avx2(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch) {
    product_by_format<Avx2>(w, x, ids, y, scratch);
}

void quantise_avx2(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) { quantise_rows_avx2(x, first, count, to); }

void transposed_product_avx2(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch) { TransposedProduct<Avx2Pairs>::run(w, x, y, next, scratch); }

}  // namespace rorqual::panels
