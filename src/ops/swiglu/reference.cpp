#include <cmath>

#include "ops/swiglu/swiglu.hpp"

namespace rorqual::ops {

void swiglu_f32_portable(const ConstRows& gate, const ConstRows& up, const Rows& y) {
    for (std::int64_t t = 0; t < gate.rows; ++t) {
        const float* z = gate.data + t * gate.stride;
        const float* u = up.data + t * up.stride;
        float* out = y.data + t * y.stride;
        for (std::int64_t i = 0; i < gate.cols; ++i) out[i] = z[i] / (1.0F + std::exp(-z[i])) * u[i];
    }
}

}  // namespace rorqual::ops
