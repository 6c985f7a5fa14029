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

/// Relative error of one f32 operation that is right to its last place, `units` times over: each rounds by eps/2 at most; eps each
/// leaves room for functions that are right to one unit rather than half of one.
inline double f32_units(double units) { return units * std::numeric_limits<float>::epsilon(); }

/// Relative error of rms_norm over rows of d: the square root halves the relative error of the mean, whose terms are all
/// positive; root, reciprocal and two products round once each.
inline double rms_norm(std::int64_t d) { return f32_dot(d) / 2 + f32_units(4); }

/// Relative error of a probability over rows of d values in [-m, m]: x − max rounds by eps/2 of at most 2m, which the
/// exponential turns into a relative error of the same size; the sum has positive terms; exp is right to 1.5 units, the division to half of one.
inline double softmax(std::int64_t d, double m) { return f32_dot(d) + f32_units(2 * m + 4); }

/// Relative error of silu(z)·u: exp, an addition, a division and a product, for z that do not underflow.
inline double swiglu() { return f32_units(4); }

/// Relative to the largest |logit| of a prompt: a whole model in f32 against another implementation of it.
/// Independent float32 implementations differ by 1e-6 to 4e-6 on the reference checkpoints; a real mistake (an epsilon, a
/// scale, a rope convention) shows as 1e-4 or more. 2e-5 lies well between the two.
inline double logits() { return 2e-5; }

}  // namespace rorqual::tolerance
