#pragma once

#include "rorqual/tensor.hpp"

// x[t,i] ← exp(x[t,i] − m) / Σ_j exp(x[t,j] − m), m = max_j x[t,j]      x [T,D] f32, in place
// A row of −∞ only becomes zeros; a row with a NaN or a +∞ becomes NaN. Any T, D ≥ 0. No allocation, threads or errors.
// The sum is taken in an order that depends on D and the instruction set only. Agrees with f64 within tolerance::softmax(D).

namespace rorqual::ops {
#define RQ_KERNEL(op, format, isa) void op##_##format##_##isa(const Rows& x);
#include "ops/softmax/kernels.inc"
#undef RQ_KERNEL
}  // namespace rorqual::ops
