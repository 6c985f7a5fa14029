#pragma once

// Packed products for instruction sets that multiply the four bytes of a lane and add them up (vpdpbusd, sdot), whatever the width of
// their registers. A line of 16 rows × 4 k is one, two or four registers; each row's sum stays in its lane. For kernel units only.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <type_traits>
#include <utility>

#include "panels/kernels.hpp"
#include "panels/tile.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::panels {
namespace {

using Bytes16 = std::uint8_t __attribute__((vector_size(16)));

/// What an instruction set brings as `V`:
///
///   parts                                registers a line takes
///   Ints, Reals                          their types: vectors of the compiler's, 16/parts lanes
///   signed_codes                         the multiplied codes are signed: those of eight bits lose their bias when unpacked
///   tile_panels, tile_k                  the tile that is unpacked for many tokens
///   most_panels, most_tokens             of a tile that meet at once
///   direct_tokens                        that meet a panel at once on its way from memory
///   broadcast(int), broadcast(float)     the same number in all lanes
///   dot4(sum, codes, x)                  sum + the four products of bytes of each lane; x is signed
///   dot2(sum, a, b)                      sum + the two products of int16 of each lane
///   fma(a, b, c), fnma(a, b, c)          a·b + c and c − a·b, rounded once
///   unsigned8, signed8(bytes, part)      those of 16 bytes that belong to part `part` of a line, widened
///   halves(p)                            adjacent f16, widened
///   lookup(table, codes)                 table[code] for each byte, codes below 16
///
/// Nothing is asked for ahead: weights lie in one piece, and prefetch instructions would only compete with the processor's own
/// (docs/performance.md).
template <class V>
using Lanes = typename V::Ints;
template <class V>
using Floats = typename V::Reals;
template <class V>
inline constexpr int rows_of = 16 / V::parts;

template <class Vector>
[[gnu::always_inline]] inline Vector load_from(const std::byte* p) {
    Vector v;
    std::memcpy(&v, std::assume_aligned<sizeof(Vector)>(p), sizeof v);
    return v;
}
template <class Vector>
[[gnu::always_inline]] inline void store_to(std::byte* p, const Vector& v) {
    std::memcpy(std::assume_aligned<sizeof(Vector)>(p), &v, sizeof v);
}
/// Part `part` of a line.
template <class V>
[[gnu::always_inline]] inline Lanes<V> lanes_at(const std::byte* line, int part) {
    return load_from<Lanes<V>>(line + 4 * rows_of<V> * part);
}
template <class V>
[[gnu::always_inline]] inline Floats<V> floats_at(const std::byte* line, int part) {
    return load_from<Floats<V>>(line + 4 * rows_of<V> * part);
}
template <class V, class Vector>
[[gnu::always_inline]] inline void put(std::byte* line, int part, const Vector& v) {
    store_to(line + 4 * rows_of<V> * part, v);
}
template <class V>
[[gnu::always_inline]] inline Floats<V> to_floats(const Lanes<V>& v) {
    return __builtin_convertvector(v, Floats<V>);
}

/// What is subtracted from the codes as the products see them.
template <class V>
constexpr int code_offset(const PanelFormat& f) noexcept {
    return V::signed_codes && (f.bits8 || f.codes == Codes::iq4) ? 0 : byte_offset(f);
}

// ---- scales ---------------------------------------------------------------------------------------------------------------------------

[[gnu::always_inline]] inline Bytes16 bytes16(const std::byte* p) {
    Bytes16 v;
    std::memcpy(&v, p, sizeof v);
    return v;
}

/// Six-bit numbers of a scale_min_6 or scale_6 header: the first (scale, even group) and second (minimum, odd group) of pair p.
template <bool second>
[[gnu::always_inline]] inline Bytes16 six_bits(const std::byte* header, std::int64_t pair) {
    using Words = std::uint64_t __attribute__((vector_size(16)));
    const Bytes16 low = bytes16(header + 64 + 16 * pair);
    const auto both = reinterpret_cast<Words>(bytes16(header + 192 + 16 * (pair / 2)));
    const Words high = (both >> (4 * (pair % 2) + (second ? 2 : 0)) & 0x0303030303030303U) << 4;
    return (second ? low >> 4 : low & 15) | reinterpret_cast<Bytes16>(high);
}

/// Half of 2^(e−127) for exponents e: their field, with the subnormal cases and NaN apart.
template <class V>
[[gnu::always_inline]] inline Floats<V> halved_powers(const Lanes<V>& e) {
    const Lanes<V> small = e < 2, nan = e == 255;
    const Lanes<V> usual = (e - 1) << 23, subnormal = (Lanes<V>{} + (1 << 21)) << (e & 1);
    const Lanes<V> bits = (nan & 0x7fc00000) | (~nan & ((small & subnormal) | (~small & usual)));
    Floats<V> powers;
    std::memcpy(&powers, &bits, sizeof powers);
    return powers;
}

/// A super-block's scales as they lie in its header. A scale is a number of a group of columns; a minimum likewise, int16 pairs (group 2i,
/// group 2i+1) for K formats, f32 a block for Q4_1 and Q5_1. d and dmin: of the whole super-block.
template <class V, const PanelFormat& F>
struct HeaderScales {
    const std::byte* header;

    [[nodiscard, gnu::always_inline]] Floats<V> scale(std::int64_t g, int part) const {
        if constexpr (F.header == Header::scale_min_6) return to_floats<V>(V::unsigned8(six_bits<false>(header, g), part));
        if constexpr (F.header == Header::scale_6) return to_floats<V>(V::unsigned8(g % 2 ? six_bits<true>(header, g / 2) : six_bits<false>(header, g / 2), part) - 32);
        if constexpr (F.header == Header::scale_min_4) return to_floats<V>(V::unsigned8(bytes16(header + 64 + 16 * g) & 15, part));
        if constexpr (F.header == Header::scale_8x16 || F.header == Header::scale_8x8) return to_floats<V>(V::signed8(bytes16(header + 64 + 16 * g), part));
        if constexpr (F.header == Header::half) return halves(32 * g, part);
        if constexpr (F.header == Header::half_min) return halves(64 * g, part);
        if constexpr (F.header == Header::exponent) return halved_powers<V>(V::unsigned8(bytes16(header + 16 * g), part));
        return Floats<V>{};
    }
    [[nodiscard, gnu::always_inline]] Lanes<V> mins(std::int64_t pair, int part) const {
        if constexpr (F.header == Header::scale_min_6) return pairs(six_bits<true>(header, 2 * pair), six_bits<true>(header, 2 * pair + 1), part);
        if constexpr (F.header == Header::scale_min_4) return pairs(bytes16(header + 64 + 32 * pair) >> 4, bytes16(header + 80 + 32 * pair) >> 4, part);
        return Lanes<V>{};
    }
    [[nodiscard, gnu::always_inline]] Floats<V> min(std::int64_t b, int part) const { return halves(64 * b + 32, part); }
    [[nodiscard, gnu::always_inline]] Floats<V> d(int part) const {
        if constexpr (F.header == Header::row) return floats_at<V>(header, part);
        return halves(0, part);
    }
    [[nodiscard, gnu::always_inline]] Floats<V> dmin(int part) const { return halves(32, part); }

 private:
    [[gnu::always_inline]] Floats<V> halves(std::int64_t at, int part) const { return V::halves(header + at + 2 * rows_of<V> * part); }
    [[gnu::always_inline]] static Lanes<V> pairs(const Bytes16& a, const Bytes16& b, int part) { return V::unsigned8(a, part) | V::unsigned8(b, part) << 16; }
};

/// The same, unpacked in the lines of a tile.
template <class V>
struct ScaleLines {
    std::byte *scales, *mins_, *d_, *dmin_;
    static ScaleLines in(const Tile& tile, std::int64_t panel, std::int64_t s) {
        const std::int64_t g = s * (super_k / tile.group);
        return {tile.scale_line(panel, g), tile.min_line(panel, g), tile.d_line(panel, s), tile.dmin_line(panel, s)};
    }
    [[nodiscard, gnu::always_inline]] Floats<V> scale(std::int64_t g, int part) const { return floats_at<V>(scales + line_bytes * g, part); }
    [[nodiscard, gnu::always_inline]] Lanes<V> mins(std::int64_t pair, int part) const { return lanes_at<V>(mins_ + line_bytes * pair, part); }
    [[nodiscard, gnu::always_inline]] Floats<V> min(std::int64_t b, int part) const { return floats_at<V>(mins_ + line_bytes * b, part); }
    [[nodiscard, gnu::always_inline]] Floats<V> d(int part) const { return floats_at<V>(d_, part); }
    [[nodiscard, gnu::always_inline]] Floats<V> dmin(int part) const { return floats_at<V>(dmin_, part); }
};

template <class V, const PanelFormat& F>
void unpack_header(const std::byte* header, std::int64_t blocks, const ScaleLines<V>& to) {
    const HeaderScales<V, F> from{header};
    for (int part = 0; part < V::parts; ++part) {
        if constexpr (F.header == Header::row || F.has_super_scale()) put<V>(to.d_, part, from.d(part));
        if constexpr (F.header == Header::row) continue;
        if constexpr (F.has_super_scale() && has_min(F)) put<V>(to.dmin_, part, from.dmin(part));
        const std::int64_t groups = blocks * (block_k / scale_group(F));
        for (std::int64_t g = 0; g < groups; ++g) put<V>(to.scales + line_bytes * g, part, from.scale(g, part));
        if constexpr (F.has_super_scale() && has_min(F)) {
            for (std::int64_t pair = 0; pair < groups / 2; ++pair) put<V>(to.mins_ + line_bytes * pair, part, from.mins(pair, part));
        }
        if constexpr (F.header == Header::half_min) {
            for (std::int64_t b = 0; b < blocks; ++b) put<V>(to.mins_ + line_bytes * b, part, from.min(b, part));
        }
    }
}

// ---- codes ----------------------------------------------------------------------------------------------------------------------------

/// The bits of `mask` in each byte after shifting left (right where negative) by `by`.
template <int by, int mask, class V>
[[gnu::always_inline]] inline Lanes<V> shifted(Lanes<V> v) {
    if constexpr (by > 0) v = v << by;
    if constexpr (by < 0) v = v >> -by;
    return v & static_cast<std::int32_t>(0x01010101U * static_cast<unsigned>(mask));
}

/// A block's codes as they lie in memory: a part of the line of a quad, unpacked to bytes in a register.
template <class V, const PanelFormat& F>
struct Packed {
    const std::byte* plane;

    [[nodiscard]] Packed after(std::int64_t blocks) const { return {plane + blocks * F.code_bytes()}; }
    template <int quad>
    [[nodiscard, gnu::always_inline]] Lanes<V> at(int part) const {
        const std::byte* plane2 = plane + 4 * line_bytes * F.bits4;
        const std::byte* plane1 = plane2 + 2 * line_bytes * F.bits2;
        constexpr int low2 = 4 * F.bits4, low1 = low2 + 2 * F.bits2;  // where the bits of these planes belong
        Lanes<V> v{};
        if constexpr (F.bits8) v = lanes_at<V>(plane + 64 * quad, part);
        if constexpr (F.bits8 && V::signed_codes) v ^= static_cast<std::int32_t>(0x80808080U);
        if constexpr (F.bits4) v = shifted<-4 * (quad % 2), 15, V>(lanes_at<V>(plane + 64 * (quad / 2), part));
        if constexpr (F.bits2) v |= shifted<low2 - 2 * (quad % 4), 3 << low2, V>(lanes_at<V>(plane2 + 64 * (quad / 4), part));
        if constexpr (F.bits1) v |= shifted<low1 - quad, 1 << low1, V>(lanes_at<V>(plane1, part));
        if constexpr (F.codes != Codes::linear) {
            const auto& values = F.codes == Codes::iq4 ? quant::iq4_values : quant::e2m1_doubled;
            v = V::lookup(bytes16(reinterpret_cast<const std::byte*>(values.data())) + static_cast<std::uint8_t>(code_offset<V>(F)), v);
        }
        return v;
    }
};

/// A block's codes in a tile.
template <class V>
struct Unpacked {
    const std::byte* lines;

    [[nodiscard]] Unpacked after(std::int64_t blocks) const { return {lines + blocks * quads * line_bytes}; }
    template <int quad>
    [[nodiscard, gnu::always_inline]] Lanes<V> at(int part) const {
        return lanes_at<V>(lines + 64 * quad, part);
    }
};

template <class V, const PanelFormat& F, int... quad>
[[gnu::always_inline]] inline void unpack_block(const std::byte* plane, std::byte* to, std::integer_sequence<int, quad...>) {
    const Packed<V, F> packed{plane};
    for (int part = 0; part < V::parts; ++part) (put<V>(to + 64 * quad, part, packed.template at<quad>(part)), ...);
}

// ---- sums -----------------------------------------------------------------------------------------------------------------------------
// Loops are unrolled by order: sums that any loop is left to index go to memory.

/// Integer and float sums of P panels × T tokens.
template <class V, int P, int T>
struct Sums {
    Lanes<V> at[P][T][V::parts];
};
template <class V, int P, int T>
struct FloatSums {
    Floats<V> at[P][T][V::parts];

    [[nodiscard, gnu::always_inline]] Floats<V> get(int p, int t, int part) const { return at[p][t][part]; }
    [[gnu::always_inline]] void put(int p, int t, int part, const Floats<V>& v) { at[p][t][part] = v; }
};

/// The sums of P panels × T tokens where they lie in y: of a tile there are more than registers hold.
template <class V, int T>
struct RowsOfY {
    float* row[T];

    [[nodiscard, gnu::always_inline]] Floats<V> get(int p, int t, int part) const {
        Floats<V> v;
        std::memcpy(&v, row[t] + p * panel_rows + rows_of<V> * part, sizeof v);
        return v;
    }
    [[gnu::always_inline]] void put(int p, int t, int part, const Floats<V>& v) { std::memcpy(row[t] + p * panel_rows + rows_of<V> * part, &v, sizeof v); }
};

/// One quad of P panels × T tokens.
template <int quad, class V, int P, int T, class Codes>
[[gnu::always_inline]] inline void add_quad(const Codes (&codes)[P], const TokenRow (&x)[T], std::int64_t block, Sums<V, P, T>& sum) {
    Lanes<V> w[P][V::parts];
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int part = 0; part < V::parts; ++part) w[p][part] = codes[p].template at<quad>(part);
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        const Lanes<V> v = V::broadcast(x[t].quad(quads * block + quad));
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
            for (int part = 0; part < V::parts; ++part) sum.at[p][t][part] = V::dot4(sum.at[p][t][part], w[p][part], v);
        }
    }
}

/// −offset times the token's two sums over a block, of which `which` count (1 the first, 2 the second, 3 both): what the integer sums of
/// codes begin with.
template <class V, const PanelFormat& F, int which>
[[gnu::always_inline]] inline Lanes<V> less_offset(const Lanes<V>& sum, const TokenRow& x, std::int64_t block) {
    constexpr unsigned offset = static_cast<unsigned>(-code_offset<V>(F)) & 0xffffU;
    constexpr int pair = static_cast<int>((which & 1 ? offset : 0U) | (which & 2 ? offset << 16 : 0U));
    if constexpr (code_offset<V>(F) == 0) return sum;
    return V::dot2(sum, V::broadcast(pair), V::broadcast(x.pair_of_sums(2 * block)));
}

/// Quads [first, first + number of `more`) of a block, less the codes' offset; converted, scaled and added to the sums.
template <const PanelFormat& F, int first, class V, int P, int T, class Codes, class Scales, int... more>
[[gnu::always_inline]] inline void add_group(const Codes (&codes)[P], const Scales (&scales)[P], const TokenRow (&x)[T], std::int64_t block,
                                             FloatSums<V, P, T>& sum, std::integer_sequence<int, more...>) {
    constexpr bool whole = sizeof...(more) == quads;  // else a half of a block, which takes one of a pair of sums
    Sums<V, P, T> dot;
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        const Lanes<V> start = less_offset < V, F, whole ? 3 : first ? 2
                                                                     : 1 > (Lanes<V>{}, x[t], block);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
            for (int part = 0; part < V::parts; ++part) dot.at[p][t][part] = start;
        }
    }
    (add_quad<first + more>(codes, x, block, dot), ...);
    const std::int64_t group = whole ? block : 2 * block + (first ? 1 : 0);
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int part = 0; part < V::parts; ++part) {
            const Floats<V> scale = scales[p].scale(group, part);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t) sum.at[p][t][part] = V::fma(to_floats<V>(dot.at[p][t][part]), scale, sum.at[p][t][part]);
        }
    }
}

/// Σ over pairs of groups of a super-block: pairs of minima times pairs of the token's group sums.
template <class V, const PanelFormat& F, class Scales>
[[gnu::always_inline]] inline Floats<V> dot_sums(const Scales& scales, const TokenRow& x, int part) {
    Lanes<V> sum{};
    for (int pair = 0; pair < super_k / scale_group(F) / 2; ++pair) {
        const int sums = scale_group(F) == 16 ? x.pair_of_sums(2 * pair) : x.pair_of_block_sums(2 * pair);
        sum = V::dot2(sum, scales.mins(pair, part), V::broadcast(sums));
    }
    return to_floats<V>(sum);
}

/// A super-block of i8, P panels × T tokens: one exact sum, less the codes' offset, scaled once.
template <const PanelFormat& F, class V, int P, int T, class Codes, class Scales, class Acc, int... quad>
[[gnu::always_inline]] inline void add_row_super(const Codes (&panels)[P], const Scales (&scales)[P], std::int64_t blocks, const TokenRow (&x)[T],
                                                 Acc& acc, std::integer_sequence<int, quad...>) {
    Sums<V, P, T> dot;
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        Lanes<V> start{};
        for (std::int64_t b = 0; b < blocks; ++b) start = less_offset<V, F, 3>(start, x[t], b);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
            for (int part = 0; part < V::parts; ++part) dot.at[p][t][part] = start;
        }
    }
    Codes codes[P];
    std::copy_n(panels, P, codes);
    for (std::int64_t b = 0; b < blocks; ++b) {
        (add_quad<quad>(codes, x, b, dot), ...);
        for (auto& panel : codes) panel = panel.after(1);
    }
#pragma GCC unroll 4
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
        for (int part = 0; part < V::parts; ++part) {
            const Floats<V> d = scales[p].d(part);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t) acc.put(p, t, part, V::fma(to_floats<V>(dot.at[p][t][part]), d * V::broadcast(*x[t].scale), acc.get(p, t, part)));
        }
    }
}

/// Adds a super-block's sums to those of all, scaled.
template <const PanelFormat& F, class V, int P, int T, class Scales, class Acc>
[[gnu::always_inline]] inline void add_scaled(const FloatSums<V, P, T>& sum, const Scales (&scales)[P], const TokenRow (&x)[T], Acc& acc) {
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        const Floats<V> dx = V::broadcast(*x[t].scale);
#pragma GCC unroll 4
        for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
            for (int part = 0; part < V::parts; ++part) {
                Floats<V> to = acc.get(p, t, part);
                if constexpr (!F.has_super_scale()) {
                    to = V::fma(sum.at[p][t][part], dx, to);
                } else {
                    to = V::fma(sum.at[p][t][part], scales[p].d(part) * dx, to);
                    if constexpr (has_min(F)) to = V::fnma(dot_sums<V, F>(scales[p], x[t], part), scales[p].dmin(part) * dx, to);
                }
                acc.put(p, t, part, to);
            }
        }
    }
}

/// A super-block of P panels × T tokens.
template <const PanelFormat& F, class V, int P, int T, class Codes, class Scales, class Acc>
[[gnu::always_inline]] inline void add_super(const Codes (&panels)[P], const Scales (&scales)[P], std::int64_t blocks, const TokenRow (&x)[T], Acc& acc) {
    if constexpr (F.header == Header::row) return add_row_super<F, V>(panels, scales, blocks, x, acc, std::make_integer_sequence<int, quads>{});
    FloatSums<V, P, T> sum{};
    Codes codes[P];
    std::copy_n(panels, P, codes);
    for (std::int64_t b = 0; b < blocks; ++b) {
        if constexpr (scale_group(F) == 16) {
            add_group<F, 0>(codes, scales, x, b, sum, std::make_integer_sequence<int, quads / 2>{});
            add_group<F, quads / 2>(codes, scales, x, b, sum, std::make_integer_sequence<int, quads / 2>{});
        } else {
            add_group<F, 0>(codes, scales, x, b, sum, std::make_integer_sequence<int, quads>{});
        }
        if constexpr (F.header == Header::half_min) {
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t) {
                const Floats<V> of_block = to_floats<V>(V::dot2(Lanes<V>{}, V::broadcast(x[t].pair_of_sums(2 * b)), V::broadcast(0x10001)));
#pragma GCC unroll 4
                for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
                    for (int part = 0; part < V::parts; ++part) {
                        sum.at[p][t][part] = V::fma(scales[p].min(b, part), of_block, sum.at[p][t][part]);
                    }
                }
            }
        }
        for (auto& panel : codes) panel = panel.after(1);
    }
    add_scaled<F>(sum, scales, x, acc);
}

/// The 16 rows of y at `y`, of which `valid` exist. Where some do not, by way of a line of our own.
template <class V>
[[gnu::always_inline]] inline void load_rows(const float* y, int valid, Floats<V> (&to)[V::parts]) {
    alignas(line_bytes) float line[panel_rows] = {};
    if (valid < panel_rows) {
        for (int row = 0; row < valid; ++row) line[row] = y[row];
        y = line;
    }
#pragma GCC unroll 4
    for (int part = 0; part < V::parts; ++part) std::memcpy(&to[part], y + rows_of<V> * part, sizeof to[part]);
}
template <class V>
[[gnu::always_inline]] inline void store_rows(float* y, int valid, const Floats<V> (&from)[V::parts]) {
    alignas(line_bytes) float line[panel_rows];
    float* const to = valid < panel_rows ? line : y;
#pragma GCC unroll 4
    for (int part = 0; part < V::parts; ++part) std::memcpy(to + rows_of<V> * part, &from[part], sizeof from[part]);
    if (to != y) {
        for (int row = 0; row < valid; ++row) y[row] = line[row];
    }
}

/// The rows of P panels that exist.
template <int P>
void copy_rows(const float* from, const int (&valid)[P], float* to) {
    for (int p = 0; p < P; ++p) std::copy_n(from + p * panel_rows, valid[p], to + p * panel_rows);
}

/// The three parts that the loops of tile.hpp ask for.
template <class V>
struct Dot4 {
    static constexpr int direct_tokens = tokens_in_registers(V::direct_tokens);
    static constexpr int tile_panels = V::tile_panels, most_panels = V::most_panels;
    static constexpr std::int64_t tile_k = V::tile_k;
    static constexpr int most_tokens = tokens_in_registers(V::most_tokens);

    template <const PanelFormat& F>
    [[gnu::noinline]] static void unpack(const std::byte* super, std::int64_t blocks, const Tile& tile, std::int64_t panel, std::int64_t s) {
        unpack_header<V, F>(super, blocks, ScaleLines<V>::in(tile, panel, s));
        for (std::int64_t b = 0; b < blocks; ++b) {
            unpack_block<V, F>(super + F.header_bytes(blocks) + b * F.code_bytes(), tile.block(panel, 8 * s + b), std::make_integer_sequence<int, quads>{});
        }
    }

    template <const PanelFormat& F, int P, int T>
    [[gnu::noinline]] static void micro(const Tile& tile, std::int64_t panel, const TokenRow (&tokens)[T], const int (&valid)[P], bool first) {
        using Codes = std::conditional_t<F.header == Header::row, Packed<V, F>, Unpacked<V>>;  // i8 is met where it lies
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        // Rows that do not exist are added up in lines of our own.
        alignas(line_bytes) float own[T][P * panel_rows];
        const bool whole = valid[P - 1] == panel_rows;
        RowsOfY<V, T> acc;
        for (int t = 0; t < T; ++t) acc.row[t] = whole ? x[t].y : own[t];
        if (first) {
            for (int t = 0; t < T; ++t) std::fill_n(acc.row[t], P * panel_rows, 0.0f);
        } else if (!whole) {
            for (int t = 0; t < T; ++t) copy_rows<P>(x[t].y, valid, own[t]);
        }
        for (std::int64_t s = 0; s < tile.supers(); ++s) {
            Codes codes[P];
            ScaleLines<V> lines[P];
            for (int p = 0; p < P; ++p) {
                codes[p] = {tile.block(panel + p, 8 * s)};
                lines[p] = ScaleLines<V>::in(tile, panel + p, s);
            }
            add_super<F, V>(codes, lines, tile.blocks_of(s), x, acc);
            for (auto& token : x) token.next_super();
        }
        if (whole) return;
        for (int t = 0; t < T; ++t) copy_rows<P>(own[t], valid, x[t].y);
    }

    template <const PanelFormat& F, int T>
    [[gnu::noinline]] static void direct(const std::byte* super, std::int64_t cols, const Tile&, const TokenRow (&tokens)[T], int valid) {
        TokenRow x[T];
        std::copy_n(tokens, T, x);
        FloatSums<V, 1, T> acc{};
        for (std::int64_t k = 0; k < cols; k += super_k) {
            const std::int64_t blocks = std::min<std::int64_t>(8, (cols - k) / block_k);
            const HeaderScales<V, F> scales[1] = {{super}};
            const Packed<V, F> codes[1] = {{super + F.header_bytes(blocks)}};
            add_super<F, V>(codes, scales, blocks, x, acc);
            for (auto& token : x) token.next_super();
            super += F.super_bytes(blocks);
        }
        for (int t = 0; t < T; ++t) store_rows<V>(x[t].y, valid, acc.at[0][t]);
    }
};

}  // namespace
}  // namespace rorqual::panels
