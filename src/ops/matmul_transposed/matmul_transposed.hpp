#pragma once

#include "rorqual/tensor.hpp"

// y[t,n] = Σ_k x[t,k] · W[k,n]      W [K,N] f32, f16 or bf16, any alignment;  x [T,K] f32;  y [T,N] f32
// Any T, N, K ≥ 0 (K = 0 gives zeros); y overlaps nothing. No allocation, threads or errors: callers have checked.
// Each y[t,n] is one chain of additions, k ascending, beginning with +0, fused where the instruction set has FMA: the bits depend
// neither on T and N nor on where t and n lie. Agrees with a sum in f64 within tolerance::f32_dot(K) of Σ|W·x|.

namespace rorqual::ops {
#define RQ_KERNEL(op, format, isa) void op##_##format##_##isa(const WeightView& w, const ConstRows& x, const Rows& y);
#include "ops/matmul_transposed/kernels.inc"
#undef RQ_KERNEL
}  // namespace rorqual::ops
