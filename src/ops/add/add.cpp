#include "ops/check.hpp"
#include "rorqual/ops.hpp"

namespace rorqual::ops {

void add(ConstRows x, Rows y) {
    check_rows("x", x);
    check_rows("y", y);
    check_size("y: rows", y.rows, x.rows);
    check_size("y: columns", y.cols, x.cols);
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const float* in = x.data + t * x.stride;
        float* out = y.data + t * y.stride;
        for (std::int64_t i = 0; i < x.cols; ++i) out[i] += in[i];
    }
}

}  // namespace rorqual::ops
