#pragma once

#include "rorqual/tensor.hpp"

// y[t,n] = Σ_k x[t,k] · W[n,k] by a library, on the calling thread.      W [N,K] f32, aligned to 4 bytes;  x [T,K] f32;  y [T,N] f32
// T, N, K ≥ 1; y overlaps nothing. They may allocate; false says that this failed and y holds nothing of use.
// The order of summation is the library's and depends on the shape: no canonical sum (dot_tiles.hpp), so not for `reproducible`.

namespace rorqual::ops {

#if defined(RQ_ONEDNN)
/// oneDNN's sgemm, whose code is generated for this machine at run time.
[[nodiscard]] bool matmul_onednn(const WeightView& w, const ConstRows& x, const Rows& y) noexcept;
#endif

/// Eigen, compiled for the processor family's baseline: templates built with more would be merged into other units.
[[nodiscard]] bool matmul_eigen(const WeightView& w, const ConstRows& x, const Rows& y) noexcept;

}  // namespace rorqual::ops
