#pragma once

#include <cstdint>

#include "layers/ffn_scratch.hpp"
#include "layers/swiglu_limit.hpp"
#include "ops/run.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// W_down·(silu(W_gate·x) ⊙ W_up·x): the feed-forward layer of dense blocks, and the shared experts of the others.
/// "GLU Variants Improve Transformer", eq. (6); reference: DeepSeek-V3 inference/model.py, MLP.
struct DenseFfn {
    WeightView gate;  ///< [m, D]
    WeightView up;    ///< [m, D]
    WeightView down;  ///< [D, m]
    SwigluLimit limit{};

    /// x [T, D] → y [T, D].
    void forward(const ops::Run& run, const ops::Input& x, Rows y, const FfnScratch& scratch) const;

    /// Values of FfnScratch that chunks of up to `chunk` tokens need at width m.
    [[nodiscard]] static std::int64_t inner_values(std::int64_t chunk, std::int64_t width) noexcept { return 2 * chunk * width; }
};

}  // namespace rorqual::layers
