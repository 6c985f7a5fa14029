#pragma once

#include "rorqual/tensor.hpp"

// matvec and matmul of one instruction set: y[t,n] = Σ_k x[t,k]·W[n,k].
//
// The canonical sum: every y[t,n] has one vector of `lanes` partial sums; lane j takes k ≡ j (mod lanes), ascending, by FMA,
// beginning with +0; a last piece of k shorter than a vector is filled with zeros; `sum` adds the lanes. Nothing else touches
// a partial sum: tiles of several rows × tokens keep it in a register, blocks of k store and reload it whole. So the bits of
// y[t,n] depend on row n, token t and the instruction set alone, and matvec is matmul with one token.
//
// For ISA units alone, after the header that defines Isa (x86_avx2.hpp says why the unnamed namespace).

namespace rorqual::ops {
namespace {

constexpr std::int64_t k_block = 512;     // floats of k: eight rows of it as f32, 16 KiB, stay in the first cache beside three of x
constexpr std::int64_t row_block = 8;     // rows of W whose sums wait in scratch while k advances
constexpr std::int64_t token_block = 48;  // rows of x that share a packed panel
constexpr std::int64_t whole_tokens = 6;  // rows of x that one tile takes; more than twice that pay for packing W (docs/decisions/0002)

constexpr std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }

/// Rows of W as they are stored.
template <class Isa, class Format>
struct Stored {
    const std::byte* first;
    std::int64_t row_bytes;

    typename Isa::Vector load(int row, std::int64_t k) const { return Format::load(first + row * row_bytes + k * Format::bytes); }
    typename Isa::Vector load_first(int row, std::int64_t k, std::int64_t n) const {
        return Format::load_first(first + row * row_bytes + k * Format::bytes, n);
    }
};

/// Rows of W as f32, a vector of each row in turn: [k / lanes][row][lane], zeros behind the last k.
template <class Isa>
struct Packed {
    const float* first;

    typename Isa::Vector load(int row, std::int64_t k) const { return Isa::load(first + k * Isa::dot_rows + row * Isa::lanes); }
    typename Isa::Vector load_first(int row, std::int64_t k, std::int64_t) const { return load(row, k); }
};

/// sums[r][t] += the products of `rows` rows of W and `tokens` rows of x over `length` values of k.
template <class Isa, int rows, int tokens, class Weights>
[[gnu::always_inline]] inline void add_products(const Weights& w, const float* x, std::int64_t x_stride, std::int64_t length,
                                                typename Isa::Vector (&sums)[rows][tokens]) {
    std::int64_t k = 0;
    for (; k + Isa::lanes <= length; k += Isa::lanes) {
        typename Isa::Vector xs[tokens];
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) xs[t] = Isa::load(x + t * x_stride + k);
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
            auto ws = w.load(r, k);
            Isa::keep(ws);
#pragma GCC unroll 16
            for (int t = 0; t < tokens; ++t) sums[r][t] = Isa::fma(ws, xs[t], sums[r][t]);
        }
    }
    if (const std::int64_t rest = length - k; rest > 0) {
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
            const auto ws = w.load_first(r, k, rest);
#pragma GCC unroll 16
            for (int t = 0; t < tokens; ++t) sums[r][t] = Isa::fma(ws, Isa::load_first(x + t * x_stride + k, rest), sums[r][t]);
        }
    }
}

/// One tile from its first k to its last, W read where it is stored.
template <class Isa, class Format, int rows, int tokens>
void whole_tile(const std::byte* w, const ConstRows& x, const Rows& y, std::int64_t n0) {
    typename Isa::Vector sums[rows][tokens];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) sums[r][t] = Isa::zero();
    }
    const std::int64_t row_bytes = x.cols * Format::bytes;
    add_products<Isa, rows, tokens>(Stored<Isa, Format>{w + n0 * row_bytes, row_bytes}, x.data, x.stride, x.cols, sums);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) y.data[t * y.stride + n0 + r] = Isa::sum(sums[r][t]);
    }
}

/// All of W for one to six tokens: each row is read, and decoded, once.
template <class Isa, class Format, int tokens>
void whole_rows(const WeightView& w, const ConstRows& x, const Rows& y) {
    // With one token only rows give independent sums: eight of them hide the latency of FMA on two ports. With four and more,
    // half the rows leave registers for the tokens.
    constexpr int rows = tokens == 1 ? 8 : tokens <= Isa::dot_tokens ? Isa::dot_rows
                                                                     : Isa::dot_rows / 2;
    std::int64_t n = 0;
    for (; n + rows <= w.rows; n += rows) whole_tile<Isa, Format, rows, tokens>(w.data, x, y, n);
    for (; n < w.rows; ++n) whole_tile<Isa, Format, 1, tokens>(w.data, x, y, n);
}

/// Scratch of one matmul call: no allocation, and small enough for the stacks of the host's threads.
template <class Isa>
struct DotScratch {
    alignas(64) float panels[k_block * row_block];                 // Packed panels, one behind the other
    alignas(64) float sums[row_block * token_block * Isa::lanes];  // tile after tile, each [rows][tokens][lanes]
};

/// Rows n0 … of W, k0 … k0 + length, as f32 in the order of Packed. Rows beyond the last become zeros.
template <class Isa, class Format>
void pack(const WeightView& w, std::int64_t n0, std::int64_t k0, std::int64_t length, float* panel) {
    for (int r = 0; r < Isa::dot_rows; ++r) {
        float* to = panel + r * Isa::lanes;
        const std::byte* from = w.data + ((n0 + r) * w.cols + k0) * Format::bytes;
        const bool exists = n0 + r < w.rows;
        std::int64_t k = 0;
        for (; k + Isa::lanes <= length; k += Isa::lanes) {
            Isa::store(to + k * Isa::dot_rows, exists ? Format::load(from + k * Format::bytes) : Isa::zero());
        }
        if (k < length) {
            Isa::store(to + k * Isa::dot_rows, exists ? Format::load_first(from + k * Format::bytes, length - k) : Isa::zero());
        }
    }
}

/// One block of k and where it stands.
struct KBlock {
    std::int64_t begin;
    std::int64_t length;
    bool last;
};

/// One tile over one block of k: its sums wait in memory between blocks and become y (`rows_left` of its rows) after the last.
template <class Isa, int tokens>
void block_tile(const float* panel, const float* x, std::int64_t x_stride, const KBlock& k, float* waiting, float* y, std::int64_t y_stride,
                std::int64_t rows_left) {
    constexpr int rows = Isa::dot_rows;
    typename Isa::Vector sums[rows][tokens];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) sums[r][t] = k.begin == 0 ? Isa::zero() : Isa::load(waiting + (r * tokens + t) * Isa::lanes);
    }
    add_products<Isa, rows, tokens>(Packed<Isa>{panel}, x, x_stride, k.length, sums);
    if (!k.last) {
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
            for (int t = 0; t < tokens; ++t) Isa::store(waiting + (r * tokens + t) * Isa::lanes, sums[r][t]);
        }
        return;
    }
#pragma GCC unroll 16
    for (int t = 0; t < tokens; ++t) {
        typename Isa::Vector of_token[rows];
#pragma GCC unroll 16
        for (int r = 0; r < rows; ++r) of_token[r] = sums[r][t];
        float whole[rows];
        Isa::store_sums(rows_left >= rows ? y + t * y_stride : whole, of_token);
        for (std::int64_t r = 0; r < rows_left && rows_left < rows; ++r) y[t * y_stride + r] = whole[r];
    }
}

/// How many tokens the next tile takes of `left`. Four are 2 + 2, not 3 + 1: one token leaves the FMA ports half empty.
template <class Isa>
constexpr std::int64_t next_tile(std::int64_t left) {
    static_assert(Isa::dot_tokens == 3);
    return left == 4 ? 2 : smaller(left, 3);
}

template <class Isa, class Format>
void matmul_block(const WeightView& w, const ConstRows& x, const Rows& y, std::int64_t t0, std::int64_t tokens, std::int64_t n0,
                  DotScratch<Isa>& scratch) {
    constexpr std::int64_t rows = Isa::dot_rows;
    const std::int64_t block_rows = smaller(row_block, w.rows - n0);
    for (std::int64_t k0 = 0; k0 == 0 || k0 < w.cols; k0 += k_block) {  // no k at all: one empty block, which gives zeros
        const KBlock k{k0, smaller(k_block, w.cols - k0), k0 + k_block >= w.cols};
        for (std::int64_t n = 0; n < block_rows; n += rows) pack<Isa, Format>(w, n0 + n, k.begin, k.length, scratch.panels + n * k_block);
        for (std::int64_t t = 0, step; t < tokens; t += step) {
            step = next_tile<Isa>(tokens - t);
            const auto tile = step == 3 ? block_tile<Isa, 3> : step == 2 ? block_tile<Isa, 2>
                                                                         : block_tile<Isa, 1>;
            for (std::int64_t n = 0; n < block_rows; n += rows) {
                tile(scratch.panels + n * k_block, x.data + (t0 + t) * x.stride + k.begin, x.stride, k,
                     scratch.sums + (t * row_block + n * step) * Isa::lanes, y.data + (t0 + t) * y.stride + n0 + n, y.stride, block_rows - n);
            }
        }
    }
}

template <class Isa, class Format>
void matmul_packed(const WeightView& w, const ConstRows& x, const Rows& y) {
    DotScratch<Isa> scratch;
    for (std::int64_t t0 = 0; t0 < x.rows; t0 += token_block) {
        const std::int64_t tokens = smaller(token_block, x.rows - t0);
        for (std::int64_t n0 = 0; n0 < w.rows; n0 += row_block) matmul_block<Isa, Format>(w, x, y, t0, tokens, n0, scratch);
    }
}

template <class Isa, class Format>
void matvec_rows(const WeightView& w, const ConstRows& x, const Rows& y) {
    whole_rows<Isa, Format, 1>(w, x, y);
}

template <class Isa, class Format>
void matmul_whole(const WeightView& w, const ConstRows& x, const Rows& y) {
    static_assert(whole_tokens == 6);
    switch (x.rows) {
        case 1: return whole_rows<Isa, Format, 1>(w, x, y);
        case 2: return whole_rows<Isa, Format, 2>(w, x, y);
        case 3: return whole_rows<Isa, Format, 3>(w, x, y);
        case 4: return whole_rows<Isa, Format, 4>(w, x, y);
        case 5: return whole_rows<Isa, Format, 5>(w, x, y);
        case 6: return whole_rows<Isa, Format, 6>(w, x, y);
        default: return;
    }
}

/// Up to twice whole_tokens: two visits to the same few rows of W, the second of which finds them in a cache.
template <class Isa, class Format>
void matmul_twice(const WeightView& w, const ConstRows& x, const Rows& y) {
    const std::int64_t half = (x.rows + 1) / 2;
    for (std::int64_t n = 0; n < w.rows; n += row_block) {
        const WeightView rows{w.dtype, w.data + n * w.cols * Format::bytes, smaller(row_block, w.rows - n), w.cols};
        matmul_whole<Isa, Format>(rows, {x.data, half, x.cols, x.stride}, {y.data + n, half, rows.rows, y.stride});
        matmul_whole<Isa, Format>(rows, {x.data + half * x.stride, x.rows - half, x.cols, x.stride},
                                  {y.data + half * y.stride + n, x.rows - half, rows.rows, y.stride});
    }
}

template <class Isa, class Format>
void matmul_rows(const WeightView& w, const ConstRows& x, const Rows& y) {
    if (x.rows <= whole_tokens) return matmul_whole<Isa, Format>(w, x, y);
    if (x.rows <= 2 * whole_tokens) return matmul_twice<Isa, Format>(w, x, y);
    matmul_packed<Isa, Format>(w, x, y);
}

}  // namespace
}  // namespace rorqual::ops
