#pragma once

// The product with the transpose of a matrix in format i8, for instruction sets that multiply and add pairs of int16. Codes are turned
// round block by block, 32 rows × 16 columns, so that a lane is a column; each byte of a lane is a row. For kernel units only.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <span>

#include "panels/formats.hpp"
#include "panels/product.hpp"

namespace rorqual::panels {
namespace {

/// As dot4.hpp describes it, an instruction set brings here:
///   parts, Ints, Reals                   registers a line takes; vectors of 16/parts lanes
///   transposed_panels, most_tokens       16 columns of W that meet tokens at once, and how many of these
///   broadcast(int), broadcast(float)     the same number in all lanes
///   dot2(sum, a, b)                      sum + the two products of int16 of each lane
template <class V>
struct TransposedProduct {
    using Ints = typename V::Ints;
    using Reals = typename V::Reals;
    static constexpr int lanes = 16 / V::parts;
    static constexpr int most_panels = V::transposed_panels, most_tokens = tokens_in_registers(V::most_tokens);
    static constexpr std::int64_t tokens_at_once = 64;
    static constexpr std::int64_t line_rows = 4;                                  // rows of W in a line of turned codes
    static constexpr std::int64_t block_lines = block_k / line_rows, pairs = 16;  // of a block of 32 rows

    // The thread's scratch: pairs of weights [64][128], turned codes [most_panels][64 lines], then the numbers of each token.
    struct Scratch {
        std::int32_t* weights;
        std::byte* codes;
        float* scale;
        std::int32_t* bias;  // −128 · Σ weights: codes are kept with 128 added

        explicit Scratch(std::byte* at) {
            weights = reinterpret_cast<std::int32_t*>(at);
            codes = at + tokens_at_once * transposed_rows * 2;
            scale = reinterpret_cast<float*>(codes + most_panels * transposed_rows * panel_rows);
            bias = reinterpret_cast<std::int32_t*>(scale + tokens_at_once);
            static_assert(tokens_at_once * transposed_rows * 2 + most_panels * transposed_rows * panel_rows + tokens_at_once * 8 <= scratch_bytes());
        }
    };

    // Memory that is wanted next: asked for line by line while this product is computed.
    struct Soon {
        const std::byte *at, *end;

        explicit Soon(std::span<const std::byte> bytes) : at(bytes.data()), end(bytes.data() + bytes.size()) {}
        void fetch_line() {
            if (at >= end) return;
            __builtin_prefetch(at);
            at += line_bytes;
        }
    };

    template <class Vector>
    static Vector load(const void* p) {
        Vector v;
        std::memcpy(&v, p, sizeof v);
        return v;
    }

    /// Weights times the rows' scales as int16: pair i of a block is (row i, row 16 + i). `x` has zeros up to a whole block.
    static void quantise(const float* x, const float* d, std::int64_t blocks, std::int32_t* to, float& scale, std::int32_t& bias) {
        alignas(64) float scaled[transposed_rows];
        Reals largest{};
        Ints finite = Ints{} - 1;
        for (std::int64_t i = 0; i < blocks * block_k; i += lanes) {
            const Reals v = load<Reals>(x + i) * load<Reals>(d + i), magnitude = v < 0 ? -v : v;
            largest = magnitude > largest ? magnitude : largest;
            finite &= magnitude <= 0x1.fffffep127F;
            std::memcpy(scaled + i, &v, sizeof v);
        }
        float top = 0;
        bool all_finite = true;
        for (int i = 0; i < lanes; ++i) top = std::max(top, largest[i]), all_finite = all_finite && finite[i];
        scale = all_finite ? top / 32767 : NAN;
        const Reals inverse = V::broadcast(all_finite && top > 0x1p-110F ? 32767 / top : 0);
        constexpr float magic = 0x1.8p23F;  // adding it leaves the rounded number in the lowest bits
        const Ints magic_bits = reinterpret_cast<Ints>(V::broadcast(magic));
        Ints sum{};
        for (std::int64_t b = 0; b < blocks; ++b) {
            for (int part = 0; part < V::parts; ++part) {
                Ints q[2];
                for (int half = 0; half < 2; ++half) {
                    const Reals v = load<Reals>(scaled + b * block_k + half * panel_rows + part * lanes);
                    const Reals finite_v = all_finite ? v : Reals{};
                    q[half] = reinterpret_cast<Ints>(finite_v * inverse + V::broadcast(magic)) - magic_bits;
                    sum += q[half];
                }
                const Ints both = (q[0] & 0xffff) | q[1] << 16;
                std::memcpy(to + b * pairs + part * lanes, &both, sizeof both);
            }
        }
        bias = 0;
        for (int i = 0; i < lanes; ++i) bias -= 128 * sum[i];
    }

    /// Four columns of 4 + 4 rows, the second four from 16 rows on: words of two rows, a column's in turn.
    static void turn(const std::byte* low, const std::byte* high, std::byte* even, std::byte* odd) {
        using Bytes = std::uint8_t __attribute__((vector_size(16)));
        using Words = std::uint16_t __attribute__((vector_size(16)));
        const auto words = [](const std::byte* p) {  // rows 0, 1 of columns 0–3, then rows 2, 3 of them
            const Bytes v = load<Bytes>(p);
            return reinterpret_cast<Words>(__builtin_shufflevector(v, v, 0, 4, 1, 5, 2, 6, 3, 7, 8, 12, 9, 13, 10, 14, 11, 15));
        };
        const Words a = words(low), b = words(high);
        const Words first = __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11), second = __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
        std::memcpy(even, &first, sizeof first);
        std::memcpy(odd, &second, sizeof second);
    }

    /// Codes of 16 columns, four quads from `from` on: line l of a block holds rows 2l, 2l + 1, 16 + 2l and 17 + 2l, a column a lane.
    static void turn_columns(const Panels& w, const std::byte* from, std::int64_t blocks, std::byte* to) {
        alignas(line_bytes) std::byte nothing[4 * line_bytes];
        const std::int64_t panel = w.panel_bytes();
        for (std::int64_t b = 0; b < blocks; ++b, to += block_lines * line_bytes) {
            const std::byte *const low = from + 2 * b * panel, *high = low + panel;
            if (2 * b + 1 >= w.count()) std::memset(nothing, 0, sizeof nothing), high = nothing;  // its weights are zeros
            for (int quad = 0; quad < 4; ++quad) {
                for (int rows = 0; rows < 4; ++rows) {
                    const std::int64_t at = quad * line_bytes + 16 * rows;
                    std::byte* const line = to + 2 * rows * line_bytes + 16 * quad;
                    turn(low + at, high + at, line, line + line_bytes);
                }
            }
        }
    }

    /// y = Σ over P panels of turned codes × T tokens.
    template <int P, int T>
    static void meet(const Scratch& s, std::int64_t blocks, std::int64_t t0, const Rows& y, std::int64_t k, Soon& soon) {
        Ints sum[T][P][V::parts];
        const std::int32_t* weights[T];
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
            weights[t] = s.weights + (t0 + t) * (transposed_rows / 2);
            const Ints bias = V::broadcast(s.bias[t0 + t]);
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
                for (int part = 0; part < V::parts; ++part) sum[t][p][part] = bias;
            }
        }
        const std::byte* line = s.codes;
        for (std::int64_t l = 0; l < blocks * block_lines; ++l, line += line_bytes) {
            soon.fetch_line();
            Ints codes[2][P][V::parts];
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
                for (int part = 0; part < V::parts; ++part) {
                    const Ints four = load<Ints>(line + p * transposed_rows * panel_rows + part * lanes * 4);
                    codes[0][p][part] = four & 0x00ff00ff;
                    codes[1][p][part] = (four >> 8) & 0x00ff00ff;
                }
            }
#pragma GCC unroll 2
            for (int i = 0; i < 2; ++i) {
#pragma GCC unroll 8
                for (int t = 0; t < T; ++t) {
                    const Ints pair = V::broadcast(weights[t][2 * l + i]);
#pragma GCC unroll 4
                    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
                        for (int part = 0; part < V::parts; ++part) sum[t][p][part] = V::dot2(sum[t][p][part], codes[i][p][part], pair);
                    }
                }
            }
        }
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t) {
            const Reals scale = V::broadcast(s.scale[t0 + t]);
            float* const to = y.data + (t0 + t) * y.stride + k;
#pragma GCC unroll 4
            for (int p = 0; p < P; ++p) {
#pragma GCC unroll 4
                for (int part = 0; part < V::parts; ++part) {
                    const Reals values = __builtin_convertvector(sum[t][p][part], Reals) * scale;
                    std::memcpy(to + p * panel_rows + part * lanes, &values, sizeof values);
                }
            }
        }
    }
    template <int P, int T = most_tokens>
    static void meet_all(const Scratch& s, std::int64_t blocks, std::int64_t t0, const Rows& y, std::int64_t k, Soon& soon) {
        for (; t0 + T <= y.rows; t0 += T) meet<P, T>(s, blocks, t0, y, k, soon);
        if constexpr (T > 1) {
            if (t0 < y.rows) meet_all<P, T - 1>(s, blocks, t0, y, k, soon);
        }
    }
    template <int P = most_panels>
    static void columns(const Panels& w, const Scratch& s, std::int64_t blocks, const Rows& y, std::int64_t k, std::int64_t end, Soon& soon) {
        constexpr const PanelFormat& format = *panel_format(DType::i8);
        for (; k + P * panel_rows <= end; k += P * panel_rows) {
            for (int p = 0; p < P; ++p) {
                const std::int64_t column = k + p * panel_rows;
                const std::byte* const super = w.data + column / super_k * format.super_bytes(8);
                turn_columns(w, super + format.header_bytes(8) + column % super_k / 4 * line_bytes, blocks, s.codes + p * transposed_rows * panel_rows);
            }
            meet_all<P>(s, blocks, 0, y, k, soon);
        }
        if constexpr (P > 1) {
            if (k < end) columns<P / 2>(w, s, blocks, y, k, end, soon);
        }
    }

    static void run(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch) {
        Soon soon(next);
        const Scratch s(scratch);
        const std::int64_t blocks = (w.rows + block_k - 1) / block_k;
        alignas(64) float d[transposed_rows] = {}, row[transposed_rows] = {};
        for (std::int64_t t0 = 0; t0 < y.rows; t0 += tokens_at_once) {
            const Rows to = y.slice_rows(t0, std::min(tokens_at_once, y.rows - t0));
            for (std::int64_t k = 0; k < w.cols; k += super_k) {
                scales_of(w, k / super_k, d);
                for (std::int64_t t = 0; t < to.rows; ++t) {
                    std::memcpy(row, x.data + (t0 + t) * x.stride, sizeof(float) * static_cast<std::size_t>(w.rows));
                    quantise(row, d, blocks, s.weights + t * (transposed_rows / 2), s.scale[t], s.bias[t]);
                }
                columns(w, s, blocks, to, k, std::min(k + super_k, w.cols), soon);
            }
        }
    }
};

}  // namespace
}  // namespace rorqual::panels
