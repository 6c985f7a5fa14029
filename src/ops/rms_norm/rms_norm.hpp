#pragma once

#include "rorqual/tensor.hpp"

// y[t,i] = x[t,i] / sqrt(mean_i(x[t,i]²) + eps) · weight[i]      x, y [T,D] f32;  weight [D] f32
// "Root Mean Square Layer Normalization", eq. (4). Any T, D ≥ 0; y may be x. No allocation, threads or errors.
// The mean is summed in an order that depends on D and the instruction set only.
// Agrees with f64 within tolerance::rms_norm(D).

namespace rorqual::ops {
#define RQ_KERNEL(op, format, isa) \
    void op##_##format##_##isa(const ConstRows& x, const float* weight, float eps, const Rows& y);
#include "ops/rms_norm/kernels.inc"
#undef RQ_KERNEL
}  // namespace rorqual::ops
