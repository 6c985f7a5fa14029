#pragma once

#include <cstdint>
#include <span>

#include "rorqual/tensor.hpp"

// Quantised weights in exact arithmetic: their rows are decoded to f32 in scratch, some at a time, and meet the f32 kernels there. The
// result has the bits that the decoded matrix would give.

namespace rorqual::ops {

/// True for weights that kernels compute with as they lie in a file: f32, f16, bf16.
[[nodiscard]] bool is_plain(DType dtype) noexcept;

/// f32 values that scratch must hold for matmul with `w`: 0 for plain formats.
[[nodiscard]] std::int64_t decoded_values(const WeightView& w) noexcept;

/// Rows [first, first + count) of w as f32, adjacent: to [count, w.cols]. Of a packed matrix `first` is a multiple of 16.
void decode_rows(const WeightView& w, std::int64_t first, std::int64_t count, float* to);

}  // namespace rorqual::ops
