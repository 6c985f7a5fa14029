#pragma once

#include "rorqual/tensor.hpp"

// matmul_transposed of one instruction set: y[t,n] = Σ_k x[t,k]·W[k,n].
//
// Each y[t,n] is one chain of FMAs, k ascending, beginning with +0. Vectors run over n, tiles over several tokens × vectors, and
// blocks of k store the chain's value in y and go on from there: no step of any chain changes, so neither do the bits.
//
// For ISA units alone, after the header that defines Isa (x86_avx2.hpp says why the unnamed namespace).

namespace rorqual::ops {
namespace {

constexpr std::int64_t axpy_k_block = 128;  // a tile's piece of W, k_block × 3 vectors, stays in the first cache for all tokens

/// A tile of tokens × (vectors · lanes) columns; `columns` < lanes cuts a single vector short.
template <class Isa, class Format, int tokens, int vectors, bool cut>
void axpy_tile(const WeightView& w, const ConstRows& x, const Rows& y, std::int64_t t0, std::int64_t n0, std::int64_t k0,
               std::int64_t k1, std::int64_t columns) {
    typename Isa::Vector sums[tokens][vectors];
    float* out = y.data + t0 * y.stride + n0;
#pragma GCC unroll 16
    for (int t = 0; t < tokens; ++t) {
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
            const float* before = out + t * y.stride + v * Isa::lanes;
            if (k0 == 0)
                sums[t][v] = Isa::zero();
            else if constexpr (cut)
                sums[t][v] = Isa::load_first(before, columns);
            else
                sums[t][v] = Isa::load(before);
        }
    }
    const std::byte* weights = w.data + (k0 * w.cols + n0) * Format::bytes;
    const float* factors = x.data + t0 * x.stride;
    for (std::int64_t k = k0; k < k1; ++k, weights += w.cols * Format::bytes) {
        typename Isa::Vector ws[vectors];
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
            if constexpr (cut)
                ws[v] = Format::load_first(weights, columns);
            else
                ws[v] = Format::load(weights + v * Isa::lanes * Format::bytes);
            Isa::keep(ws[v]);
        }
#pragma GCC unroll 16
        for (int t = 0; t < tokens; ++t) {
            auto factor = Isa::broadcast(factors[t * x.stride + k]);
            Isa::keep(factor);
#pragma GCC unroll 16
            for (int v = 0; v < vectors; ++v) sums[t][v] = Isa::fma(factor, ws[v], sums[t][v]);
        }
    }
#pragma GCC unroll 16
    for (int t = 0; t < tokens; ++t) {
#pragma GCC unroll 16
        for (int v = 0; v < vectors; ++v) {
            float* after = out + t * y.stride + v * Isa::lanes;
            if constexpr (cut)
                Isa::store_first(after, columns, sums[t][v]);
            else
                Isa::store(after, sums[t][v]);
        }
    }
}

/// All tokens of one column tile and one block of k: the piece of W is read once from memory.
template <class Isa, class Format, int vectors, bool cut>
void axpy_column(const WeightView& w, const ConstRows& x, const Rows& y, std::int64_t n0, std::int64_t k0, std::int64_t k1,
                 std::int64_t columns) {
    std::int64_t t = 0;
    for (; t + Isa::axpy_tokens <= x.rows; t += Isa::axpy_tokens) {
        axpy_tile<Isa, Format, Isa::axpy_tokens, vectors, cut>(w, x, y, t, n0, k0, k1, columns);
    }
    for (; t + 2 <= x.rows; t += 2) axpy_tile<Isa, Format, 2, vectors, cut>(w, x, y, t, n0, k0, k1, columns);
    for (; t < x.rows; ++t) axpy_tile<Isa, Format, 1, vectors, cut>(w, x, y, t, n0, k0, k1, columns);
}

template <class Isa, class Format>
void matmul_transposed_columns(const WeightView& w, const ConstRows& x, const Rows& y) {
    constexpr std::int64_t lanes = Isa::lanes;
    if (w.rows == 0) {
        for (std::int64_t t = 0; t < x.rows; ++t) {
            for (std::int64_t n = 0; n < w.cols; ++n) y.data[t * y.stride + n] = 0;
        }
        return;
    }
    for (std::int64_t k0 = 0; k0 < w.rows; k0 += axpy_k_block) {
        const std::int64_t k1 = k0 + axpy_k_block < w.rows ? k0 + axpy_k_block : w.rows;
        std::int64_t n = 0;
        if (x.rows == 1) {  // one token: more vectors side by side hide the latency of FMA, and rows are read in longer pieces
            for (; n + 8 * lanes <= w.cols; n += 8 * lanes) axpy_tile<Isa, Format, 1, 8, false>(w, x, y, 0, n, k0, k1, lanes);
        }
        constexpr int vectors = Isa::axpy_vectors;
        for (; n + vectors * lanes <= w.cols; n += vectors * lanes) axpy_column<Isa, Format, vectors, false>(w, x, y, n, k0, k1, lanes);
        for (; n + lanes <= w.cols; n += lanes) axpy_column<Isa, Format, 1, false>(w, x, y, n, k0, k1, lanes);
        if (n < w.cols) axpy_column<Isa, Format, 1, true>(w, x, y, n, k0, k1, w.cols - n);
    }
}

}  // namespace
}  // namespace rorqual::ops
