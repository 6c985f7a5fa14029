#include <cmath>

#include "ops/portable.hpp"
#include "ops/rms_norm/rms_norm.hpp"

namespace rorqual::ops {

void rms_norm_f32_portable(const ConstRows& x, const float* weight, float eps, const Rows& y) {
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const float* in = x.data + t * x.stride;
        float* out = y.data + t * y.stride;
        const float squares = portable::dot<F32>(reinterpret_cast<const std::byte*>(in), in, x.cols);
        const float scale = 1.0F / std::sqrt(squares / static_cast<float>(x.cols) + eps);
        for (std::int64_t i = 0; i < x.cols; ++i) out[i] = in[i] * scale * weight[i];
    }
}

}  // namespace rorqual::ops
