#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// How far the operands of SwiGLU may go, where a model bounds them (DeepSeek-V4; reference: DeepSeek-V4 inference/model.py, Expert):
/// the gate from above alone, the other from both sides. NaN stays NaN.
struct SwigluLimit {
    float most = std::numeric_limits<float>::infinity();  ///< swiglu_limit; infinity = no bound

    void apply(const Rows& gate, const Rows& up) const noexcept {
        if (most == std::numeric_limits<float>::infinity()) return;
        for (std::int64_t t = 0; t < gate.rows; ++t) {
            for (float& g : gate.row(t)) g = std::min(g, most);
            for (float& u : up.row(t)) u = std::clamp(u, -most, most);
        }
    }
};

}  // namespace rorqual::layers
