#pragma once

#include <cstdint>

// A softmax whose other part comes later (of a page of keys, say):
//   s_j = scale · (x_j + y_j),   m = max_j s_j,   x_j ← exp(s_j − m),   returns m and Σ_j exp(s_j − m)      x, y [n] f32
// Only −∞, or n = 0: zeros, m = −∞ and Σ = 0. A NaN or a +∞ makes Σ NaN. No allocation, threads or errors.
// The sum is taken in an order that depends on n and the instruction set only. Agrees with f64 within tolerance::softmax(n).

namespace rorqual::ops {

struct PartialSoftmax {
    float peak;
    float total;
};

#define RQ_KERNEL(op, format, isa) PartialSoftmax op##_##format##_##isa(float* x, const float* y, std::int64_t n, float scale);
#include "ops/partial_softmax/kernels.inc"
#undef RQ_KERNEL

}  // namespace rorqual::ops
