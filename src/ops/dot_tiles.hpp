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

constexpr std::int64_t k_block = 512;       // floats; a packed panel of dot_rows rows of it stays in the first cache
constexpr std::int64_t row_block = 16;      // rows of W whose sums wait in scratch while k advances
constexpr std::int64_t token_block = 48;    // rows of x that share a packed panel
constexpr std::int64_t pack_from = 7;       // fewer tokens do not pay for packing W (docs/decisions/0002)

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
            const auto ws = w.load(r, k);
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
void whole_tile(const std::byte* w, const ConstRows& x, std::int64_t t0, const Rows& y, std::int64_t n0) {
    typename Isa::Vector sums[rows][tokens];
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) sums[r][t] = Isa::zero();
    }
    const std::int64_t row_bytes = x.cols * Format::bytes;
    add_products<Isa, rows, tokens>(Stored<Isa, Format>{w + n0 * row_bytes, row_bytes}, x.data + t0 * x.stride, x.stride, x.cols, sums);
#pragma GCC unroll 16
    for (int r = 0; r < rows; ++r) {
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) y.data[(t0 + t) * y.stride + n0 + r] = Isa::sum(sums[r][t]);
    }
}

template <class Isa, class Format, int tokens>
void whole_rows(const WeightView& w, const ConstRows& x, std::int64_t t0, const Rows& y) {
    // With one token only rows give independent sums: eight of them hide the latency of FMA on two ports.
    constexpr int rows = tokens == 1 ? 8 : Isa::dot_rows;
    std::int64_t n = 0;
    for (; n + rows <= w.rows; n += rows) whole_tile<Isa, Format, rows, tokens>(w.data, x, t0, y, n);
    for (; n < w.rows; ++n) whole_tile<Isa, Format, 1, tokens>(w.data, x, t0, y, n);
}

template <class Isa, class Format>
void matvec_rows(const WeightView& w, const ConstRows& x, const Rows& y) {
    whole_rows<Isa, Format, 1>(w, x, 0, y);
}

/// Scratch of one matmul call: no allocation, and small enough for the stacks of the host's threads.
template <class Isa>
struct DotScratch {
    alignas(64) float panel[k_block * Isa::dot_rows];
    alignas(64) float sums[row_block * token_block * Isa::lanes];   // tile after tile, each [rows][tokens][lanes]
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

/// One tile over one block of k, its sums in memory between blocks; after the last block they become y.
template <class Isa, int tokens>
void block_tile(const float* panel, const float* x, std::int64_t x_stride, std::int64_t length, bool first, float* waiting) {
    constexpr int rows = Isa::dot_rows;
    typename Isa::Vector sums[rows][tokens];
#pragma GCC unroll 16
    for (int i = 0; i < rows * tokens; ++i) {
        sums[i / tokens][i % tokens] = first ? Isa::zero() : Isa::load(waiting + i * Isa::lanes);
    }
    add_products<Isa, rows, tokens>(Packed<Isa>{panel}, x, x_stride, length, sums);
#pragma GCC unroll 16
    for (int i = 0; i < rows * tokens; ++i) Isa::store(waiting + i * Isa::lanes, sums[i / tokens][i % tokens]);
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
    for (std::int64_t k0 = 0; k0 < w.cols; k0 += k_block) {
        const std::int64_t length = smaller(k_block, w.cols - k0);
        for (std::int64_t n = 0; n < block_rows; n += rows) {
            pack<Isa, Format>(w, n0 + n, k0, length, scratch.panel);
            float* waiting = scratch.sums + n * token_block * Isa::lanes;
            for (std::int64_t t = 0, step; t < tokens; t += step) {
                step = next_tile<Isa>(tokens - t);
                const float* from = x.data + (t0 + t) * x.stride + k0;
                float* sums = waiting + t * rows * Isa::lanes;
                if (step == 3) block_tile<Isa, 3>(scratch.panel, from, x.stride, length, k0 == 0, sums);
                else if (step == 2) block_tile<Isa, 2>(scratch.panel, from, x.stride, length, k0 == 0, sums);
                else block_tile<Isa, 1>(scratch.panel, from, x.stride, length, k0 == 0, sums);
            }
        }
    }
    for (std::int64_t n = 0; n < block_rows; ++n) {
        const std::int64_t panel = n / rows * rows, r = n - panel;
        for (std::int64_t t = 0, step; t < tokens; t += step) {
            step = next_tile<Isa>(tokens - t);
            const float* sums = scratch.sums + (panel * token_block + t * rows + r * step) * Isa::lanes;
            for (std::int64_t i = 0; i < step; ++i) {
                y.data[(t0 + t + i) * y.stride + n0 + n] = Isa::sum(Isa::load(sums + i * Isa::lanes));
            }
        }
    }
}

template <class Isa, class Format>
void matmul_rows(const WeightView& w, const ConstRows& x, const Rows& y) {
    if (x.rows < pack_from || w.cols == 0) {
        std::int64_t t = 0;
        for (; t + 3 <= x.rows && x.rows - t != 4; t += 3) whole_rows<Isa, Format, 3>(w, x, t, y);
        for (; t + 2 <= x.rows; t += 2) whole_rows<Isa, Format, 2>(w, x, t, y);
        for (; t < x.rows; ++t) whole_rows<Isa, Format, 1>(w, x, t, y);
        return;
    }
    DotScratch<Isa> scratch;
    for (std::int64_t t0 = 0; t0 < x.rows; t0 += token_block) {
        const std::int64_t tokens = smaller(token_block, x.rows - t0);
        for (std::int64_t n0 = 0; n0 < w.rows; n0 += row_block) matmul_block<Isa, Format>(w, x, y, t0, tokens, n0, scratch);
    }
}

}  // namespace
}  // namespace rorqual::ops
