#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

/// How far results may lie from their reference, and why. Tests name one of these; they never write a literal.
namespace rorqual::tolerance {

/// Relative to Σ|x_i·y_i|: a sum of k products in f32, compared with one in f64 or in another order.
/// Each product and each addition rounds once, by at most u = eps/2. In any order a term passes at most k additions, so
/// the error is below k·u·Σ|x·y|; rounding errors of either sign make it grow with √k in practice. 4·√k·eps leaves room for
/// unlucky draws in tests that try thousands, and still fails when a single term of a long sum is wrong.
inline double f32_dot(std::int64_t k) {
    return 4 * std::sqrt(static_cast<double>(k > 1 ? k : 1)) * std::numeric_limits<float>::epsilon();
}

/// Relative to the largest |logit| of a prompt: a whole model in f32 against another implementation of it.
/// Independent float32 implementations differ by 1e-6 to 4e-6 on the reference checkpoints; a real mistake (an epsilon, a
/// scale, a rope convention) shows as 1e-4 or more. 2e-5 lies well between the two.
inline double logits() { return 2e-5; }

}  // namespace rorqual::tolerance
