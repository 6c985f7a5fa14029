#pragma once

#include "rorqual/tensor.hpp"

// y = silu(gate) ⊙ up, silu(z) = z / (1 + e^−z)      gate, up, y [T,m] f32
// "GLU Variants Improve Transformer", eq. (6). y may be gate or up. Any T, m ≥ 0. No allocation, threads or errors.
// silu(−∞) is NaN, as the formula says. Agrees with f64 within tolerance::swiglu().

namespace rorqual::ops {
#define RQ_KERNEL(op, format, isa) \
    void op##_##format##_##isa(const ConstRows& gate, const ConstRows& up, const Rows& y);
#include "ops/swiglu/kernels.inc"
#undef RQ_KERNEL
}  // namespace rorqual::ops
