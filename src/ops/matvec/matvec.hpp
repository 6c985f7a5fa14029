#pragma once

#include "rorqual/tensor.hpp"

// y[0,n] = Σ_k W[n,k] · x[0,k]      W [N,K] f32, f16 or bf16, any alignment;  x [1,K] f32;  y [1,N] f32
// Any N, K ≥ 0 (K = 0 gives zeros); y overlaps nothing. No allocation, threads or errors: callers have checked.
// The sum of each y[0,n] is the canonical one of its instruction set (dot_tiles.hpp): the same bits as matmul's.
// Agrees with a sum in f64 within tolerance::f32_dot(K) of Σ|W·x|.

namespace rorqual::ops {
#define RQ_KERNEL(op, format, isa) void op##_##format##_##isa(const WeightView& w, const ConstRows& x, const Rows& y);
#include "ops/matvec/kernels.inc"
#undef RQ_KERNEL
}  // namespace rorqual::ops
