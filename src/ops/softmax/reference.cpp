#include <cmath>
#include <limits>

#include "ops/softmax/softmax.hpp"

namespace rorqual::ops {

void softmax_f32_portable(const Rows& x) {
    for (std::int64_t t = 0; t < x.rows; ++t) {
        float* row = x.data + t * x.stride;
        float max = -std::numeric_limits<float>::infinity();
        for (std::int64_t i = 0; i < x.cols; ++i) max = row[i] > max ? row[i] : max;  // passes over NaN; exp will not
        if (max == -std::numeric_limits<float>::infinity()) max = 0;                  // −∞ − −∞ would be NaN
        float sum = 0;
        for (std::int64_t i = 0; i < x.cols; ++i) {
            row[i] = std::exp(row[i] - max);
            sum += row[i];
        }
        const float divisor = sum == 0 ? 1 : sum;
        for (std::int64_t i = 0; i < x.cols; ++i) row[i] /= divisor;
    }
}

}  // namespace rorqual::ops
