#pragma once

#include <cstdint>
#include <vector>

#include "cpu/arena.hpp"
#include "ops/run.hpp"

namespace rorqual::layers {

/// Sizes and constants of hyper-connections: the residual stream is n streams of width D side by side, S [T, n·D].
struct HyperConfig {
    std::int64_t streams = 0;          ///< n, hc_mult
    std::int64_t hidden = 0;           ///< D
    std::int64_t sinkhorn_rounds = 0;  ///< hc_sinkhorn_iters
    float eps = 0;                     ///< hc_eps
    float norm_eps = 0;                ///< rms_norm_eps

    static constexpr std::int64_t most_streams = 16;

    /// Values that one layer's mix takes: pre [n], post [n], C [n, n].
    [[nodiscard]] std::int64_t mix_width() const noexcept { return (2 + streams) * streams; }
};

/// How one layer reads and writes the streams: manifold-constrained hyper-connections, DeepSeek-V4 §2; reference: DeepSeek-V4
/// inference/model.py, Block.hc_pre and hc_post. With x a token's streams end to end and r = 1/sqrt(mean(x²) + norm_eps):
///   μ = (fn·x)·r
///   pre_i  = σ(μ_i·scale_0 + base_i) + eps
///   post_k = 2·σ(μ_{n+k}·scale_1 + base_{n+k})
///   C      = Sinkhorn(softmax over k of (μ_{2n+nj+k}·scale_2 + base_{2n+nj+k}))
struct HyperConnection {
    HyperConfig config;
    WeightView fn;             ///< [(2+n)·n, n·D]
    std::vector<float> base;   ///< [(2+n)·n]
    std::vector<float> scale;  ///< [3]: of pre, post and C

    /// u [T, D] = Σ_i pre_i·S_i. Returns what write() needs: pre, post and C of each token, in `mix` [chunk, (2+n)·n].
    [[nodiscard]] ConstRows read(const ops::Run& run, ConstRows streams, Rows u, Rows mix) const;
    /// S_k ← post_k·y + Σ_j C_jk·S_j, for y [T, D]: the sum runs over the rows of C.
    void write(const ops::Run& run, ConstRows mix, ConstRows y, Rows streams) const;
};

/// How the streams become one at the end: h = Σ_i p_i·S_i with p_i = σ((fn·x)_i·r·scale + base_i) + eps.
struct HyperHead {
    HyperConfig config;
    WeightView fn;             ///< [n, n·D]
    std::vector<float> base;   ///< [n]
    std::vector<float> scale;  ///< [1]

    /// h [T, D]; `mix` as above.
    void read(const ops::Run& run, ConstRows streams, Rows h, Rows mix) const;
};

/// C [n, n], row by row, becomes doubly stochastic: the softmax of each row, plus eps; then columns divided by their sums plus eps, and
/// `rounds` − 1 times rows and columns in turn. One round at least.
void sinkhorn(float* c, std::int64_t n, std::int64_t rounds, float eps) noexcept;

}  // namespace rorqual::layers
