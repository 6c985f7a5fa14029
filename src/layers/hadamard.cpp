#include "layers/hadamard.hpp"

#include <cmath>

namespace rorqual::layers {

void hadamard(std::span<float> vectors, std::int64_t width) noexcept {
    const auto d = static_cast<std::size_t>(width);
    const float scale = 1 / std::sqrt(static_cast<float>(width));
    for (std::size_t half = 1; half < d; half *= 2) {
        for (std::size_t first = 0; first < vectors.size(); first += 2 * half) {
            float* const a = vectors.data() + first;
            float* const b = a + half;
            for (std::size_t i = 0; i < half; ++i) {
                const float sum = a[i] + b[i], difference = a[i] - b[i];
                a[i] = sum;
                b[i] = difference;
            }
        }
    }
    for (float& value : vectors) value *= scale;
}

}  // namespace rorqual::layers
