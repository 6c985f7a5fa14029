#pragma once

#include <span>

#include "rorqual/tensor.hpp"

namespace rorqual::ops {

/// y[t,i] = (x[t,i] − mean_t) / sqrt(mean_i((x[t,i] − mean_t)²) + eps) · weight[i] + bias[i]      x, y [T,D] f32;  weight, bias [D] f32
/// "Layer Normalization", eq. (4). y may be x; D ≥ 1. Sums are f64 in ascending order, so that a row has the same bits on every
/// machine: rows are short, and few. No allocation, threads or errors.
void layer_norm(ConstRows x, std::span<const float> weight, std::span<const float> bias, float eps, Rows y) noexcept;

}  // namespace rorqual::ops
