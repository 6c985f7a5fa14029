#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual {

class Executor;

/// The tensor operations of the engine on plain arrays: no model, no files, no hidden state.
/// All take borrowed views, allocate nothing that outlives the call, and check shapes: a mismatch throws
/// Error(invalid_argument) that names the operand. Outputs may not overlap inputs unless it says "in place".
/// Any thread may call any of them at once. `executor` spreads the work; nullptr runs on the calling thread. The result has
/// the same bits either way, and every row of a result depends on that row's inputs alone.
namespace ops {

/// y = x·Wᵀ: y[t,n] = Σ_k x[t,k]·W[n,k].   x [T,K] f32, W [N,K] in any format but integers, y [T,N] f32.
/// Sums in f32, of weights decoded to f32: W's block formats give the bits that the decoded matrix would.
void matmul(WeightView w, ConstRows x, Rows y, Executor* executor = nullptr);

/// y = x·W: y[t,n] = Σ_k x[t,k]·W[k,n].   x [T,K] f32, W [K,N] in any format but integers, y [T,N] f32. Sums as in matmul.
void matmul_transposed(WeightView w, ConstRows x, Rows y, Executor* executor = nullptr);

/// y[t,i] = x[t,i] / sqrt(mean_i(x[t,i]²) + eps) · weight[i].   "Root Mean Square Layer Normalization", eq. (4). In place allowed.
void rms_norm(ConstRows x, std::span<const float> weight, float eps, Rows y);

/// Each row becomes exp(x − max) / Σ exp(x − max). A row of −∞ only becomes zeros. In place.
void softmax(Rows x);

/// y = silu(gate) ⊙ up, silu(z) = z / (1 + e^−z).   gate, up, y [T,m]. In place over gate or up allowed. "GLU Variants Improve Transformer", eq. (6).
void swiglu(ConstRows gate, ConstRows up, Rows y);

/// y += x.
void add(ConstRows x, Rows y);

/// Row ids[t] of an embedding table [V,D], in any format but integers, as f32: y [T,D]. Ids outside [0,V) throw.
void embedding(WeightView table, std::span<const Token> ids, Rows y);

/// The k largest of each row, largest first, ties by lower index: ids [T·k], values [T·k] (may be empty). NaN counts as −∞. k ≤ cols.
void top_k(ConstRows x, std::int64_t k, std::span<std::int32_t> ids, std::span<float> values);

}  // namespace ops

/// How rotary frequencies are stretched beyond the trained context: YaRN as DeepSeek-V2 uses it
/// (paper "YaRN: Efficient Context Window Extension", §3; DeepSeek-V3 inference/model.py, precompute_freqs_cis).
struct YarnScaling {
    double factor = 1;                 ///< s; 1 = no scaling
    double original_positions = 4096;  ///< L0: trained context in tokens
    double beta_fast = 32;
    double beta_slow = 1;
    double mscale = 0;          ///< 0 = absent
    double mscale_all_dim = 0;  ///< 0 = absent

    /// g(s, m) = 0.1·m·ln s + 1 for s > 1, else 1.
    [[nodiscard]] static double g(double s, double m) noexcept;
    /// Factor on cos and sin: g(s, mscale) / g(s, mscale_all_dim) when both are given, else g(s, 1). As transformers.
    [[nodiscard]] double amplitude() const noexcept;
    /// Factor on the softmax scale: g(s, mscale_all_dim)², 1 when mscale_all_dim is absent.
    [[nodiscard]] double softmax_factor() const noexcept;
};

/// Which two elements of a head form one rotated complex number.
enum class RopePairs {
    adjacent,  ///< (2i, 2i+1): DeepSeek's main attention
    halves,    ///< (i, i + d/2)
};

/// The rotation of a rotary embedding: frequencies f_i and the amplitude of cos and sin.
/// Angles are the f32 product position·f_i, as torch computes them, then cos and sin of that value.
class Rope {
 public:
    /// dim: rotated elements per head, even. base: theta.
    Rope(std::int64_t dim, double base, const YarnScaling& scaling = {});

    [[nodiscard]] std::int64_t dim() const noexcept { return static_cast<std::int64_t>(frequencies_.size()) * 2; }
    [[nodiscard]] std::span<const float> frequencies() const noexcept { return frequencies_; }  ///< [dim/2], radians per token
    [[nodiscard]] float amplitude() const noexcept { return amplitude_; }

    /// cos and sin of positions first, first+1, …: each [T, dim/2], times the amplitude.
    void angles(std::int64_t first, Rows cos, Rows sin) const;

 private:
    std::vector<float> frequencies_;
    float amplitude_ = 1;
};

namespace ops {

/// Rotates the heads of x in place: x [T, H·stride], head h's rotated part at columns [h·head_stride + offset, … + 2·cos.cols).
/// cos, sin [T, dim/2] from Rope::angles. "RoFormer", eq. (34).
void rope(ConstRows cos, ConstRows sin, RopePairs pairs, std::int64_t heads, std::int64_t head_stride, std::int64_t offset, Rows x);

}  // namespace ops
}  // namespace rorqual
