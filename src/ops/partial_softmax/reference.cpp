#include <cmath>
#include <limits>

#include "ops/partial_softmax/partial_softmax.hpp"

namespace rorqual::ops {

PartialSoftmax partial_softmax_f32_portable(float* x, const float* y, std::int64_t n, float scale) {
    constexpr float nothing = -std::numeric_limits<float>::infinity();
    float peak = nothing;
    for (std::int64_t j = 0; j < n; ++j) {
        x[j] = scale * (x[j] + y[j]);
        peak = x[j] > peak ? x[j] : peak;  // passes over NaN; exp will not
    }
    const float m = peak == nothing ? 0 : peak;  // −∞ − −∞ would be NaN
    float total = 0;
    for (std::int64_t j = 0; j < n; ++j) {
        x[j] = std::exp(x[j] - m);
        total += x[j];
    }
    return {peak, total};
}

}  // namespace rorqual::ops
