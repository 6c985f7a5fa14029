#include "ops/layer_norm/layer_norm.hpp"

#include <cmath>
#include <cstdint>

namespace rorqual::ops {

void layer_norm(ConstRows x, std::span<const float> weight, std::span<const float> bias, float eps, Rows y) noexcept {
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const auto in = x.row(t);
        const auto out = y.row(t);
        const auto count = static_cast<double>(in.size());
        double mean = 0, variance = 0;
        for (const float v : in) mean += v;
        mean /= count;
        for (const float v : in) variance += (v - mean) * (v - mean);
        const double scale = 1 / std::sqrt(variance / count + static_cast<double>(eps));
        for (std::size_t i = 0; i < in.size(); ++i) out[i] = static_cast<float>((in[i] - mean) * scale) * weight[i] + bias[i];
    }
}

}  // namespace rorqual::ops
