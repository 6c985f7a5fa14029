#pragma once

#include <algorithm>
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

/// A sum of `rows` codes times weights that were rounded to int16, where the largest weight of all times the largest code is m: each
/// weight is off by at most half of m/32767 over the code, and by what scaling it rounds, there and back; the exact sum rounds twice.
inline double int16_weights(std::int64_t rows, double m) { return static_cast<double>(rows) * m * (1.0 / 65534 + f32_units(6)); }

/// Relative error of silu(z)·u: exp, an addition, a division and a product, for z that do not underflow.
inline double swiglu() { return f32_units(4); }

/// Relative to the largest |logit| of a prompt: a whole model in f32 against another implementation of it.
/// Independent float32 implementations differ by 1e-6 to 4e-6 on the reference checkpoints; a real mistake (an epsilon, a
/// scale, a rope convention) shows as 1e-4 or more. 2e-5 lies well between the two.
inline double logits() { return 2e-5; }

/// Relative to the largest Σ|w·c| of an expanded value: softmax-weighted averages of `keys` values, with scores and values
/// expanded from latents of `k` elements. A score's error, that of nested sums over k elements of magnitude `score`, scales a
/// weight by as much (e^δ ≈ 1 + δ); averaging and expanding are sums over keys and over k again.
inline double attention(std::int64_t k, std::int64_t keys, double score) {
    return 2 * f32_dot(k) * (score + 1) + f32_dot(keys);
}

/// Relative to Σ|w·x| of a feed-forward layer's output: two nested sums over k elements, with silu between them, whose slope
/// stays below 1.1.
inline double ffn(std::int64_t k) { return 3 * f32_dot(k); }

/// Relative to a router's weight: exp, log and division round once or twice each on top of a sum over the experts.
inline double routing(std::int64_t experts) { return 2 * f32_dot(experts); }

/// Relative to the largest value: a cache whose latents were rounded to bf16 against one in f32. A latent is off by up to 2^-9
/// of itself; after the first layer that is 0.002 to 0.003 of the residual stream, after the last a little more of the logits
/// of most tokens (medians 0.0015 to 0.005 on the reference checkpoints). A token whose experts were nearly tied may get
/// others, and then differs at large: that is why medians are compared.
inline double bf16_cache() { return 1e-2; }

/// Relative to the largest value: the compact form of compressed attention against f32. e4m3 keeps three bits of mantissa where bf16 keeps seven: a
/// value is off by up to 2^-4 of itself, 2.6 % in the mean square. So is what attention adds to the residual stream after the first layer,
/// 0.02 to 0.03 of its largest value; after the last, some five layers with random signs make that twice as much. What is wrong by a
/// scale or a place is wrong by as much as the values are.
inline double compact_cache() { return 8e-2; }

/// Median KL divergence, in nats, of the same with an indexer that chooses by keys in FP4, on random models: logits are off by a tenth of their
/// spread, which is of some units, and KL is about half the square of that; entries and experts that were nearly tied come on top.
inline double compact_cache_divergence() { return 2e-2; }

/// Part of the tokens after which such a model finds the same token likeliest. The best two of 320 random logits are 0.3 deviations
/// apart in the mean, and their errors differ by 0.06: 8 % change places. Twice that, and a few whose choices changed.
inline double compact_cache_agreement() { return 0.8; }

/// The part of an indexer's selection that rounding its keys to bf16 leaves as it is. A key is off by up to 2^-9, a score by half a percent, and of
/// scores drawn at random one in a hundred lies so near to the last that is selected.
inline double bf16_selection() { return 0.98; }

/// The part of an indexer's selection that index keys in FP4 leave as it is. A value of a Hadamard transform is bell-shaped; codes are off by a quarter
/// of it at most and by a tenth in the mean square, and so is a score by a tenth of the spread of scores: of those selected, one in ten
/// lies so near to the last. Twice that for unlucky draws. Queries without the keys' transform select at random.
inline double fp4_selection() { return 0.8; }

/// Relative to the largest |logit|: absorbed against naive attention through a whole model; as independent implementations.
inline double attention_forms() { return 2e-5; }

/// By how much a reference's choice of experts has to be decided for ours to be the same: below it, rounding may decide.
inline double expert_margin() { return 1e-4; }

/// Relative to the deviation of random weights: the mean of `count` of them, drawn from a pool of 2^15 values. Four deviations of
/// the mean of so many leave room for unlucky draws.
inline double drawn_mean(double count) { return 4 / std::sqrt(std::min(count, 0x1p15)); }

/// Relative error of the deviation of such weights: four times that of so many draws, and encoding changes it by the square
/// of the format's own error: below 1 % from 4 bits on; formats of fewer bits, whose errors are 15 % to 28 %, lose up to 5 %.
inline double drawn_deviation(double count, double bits) { return drawn_mean(2 * count) + (bits < 4 ? 0.05 : 0.01); }

/// Mean KL divergence, in nats, of mode fast from mode exact on text the model knows. int8 activations carry an error of 1/254 of the
/// largest of 256 values, about 0.5 % of their norm, in every product; that moves logits by about 1 % of their spread (a deviation of
/// 0.03 of values around 3), and KL is about half the square of that: below 1e-3. Ten times as much means a wrong scale or sum.
inline double fast_mode_divergence() { return 5e-3; }

/// Median KL divergence, in nats, of the same on the reference checkpoints, whose rows are some 100 random values: the largest is about 2.6
/// deviations, so an activation's error is 2.6/127/√12 = 0.6 % of it. A dozen products follow one another and random attention has
/// scores of several units, which take errors into exponents: some 5 % of logits that spread by 3, 0.01 nats. A wrong scale or sum
/// costs more than 0.1.
inline double fast_mode_divergence_of_random_models() { return 2e-2; }

/// Mean KL divergence, in nats, of a model whose matrices are stored with `bits` a weight from the original, both exact, on text the
/// model knows. At 8 bits a weight is off by about as much as an activation in fast mode, so KL is below 1e-3 as there. Each bit less
/// doubles the error, and KL goes with its square.
inline double format_divergence(double bits) { return 1e-3 * std::pow(4.0, 8 - bits); }

/// Part of the tokens after which such a model finds the same token likeliest, at least. It finds another where the two best are nearer
/// than their logits' errors: 0.03 at 8 bits, doubled by each bit less, on differences spread over about 2 units.
inline double format_agreement(double bits) { return 1 - 0.03 * std::pow(2.0, 8 - bits); }

/// Relative to the largest value: attention over keys in int8 against the same in f32, on values drawn evenly. A code is off by up to
/// 1/254 of the largest of 256 values, 0.23 % of it in the mean square; a score of some units then by a hundredth, which its weight
/// takes over, and values by as much again. Sums over keys let errors of either sign cancel. A wrong scale, sum or key shows at once.
inline double int8_attention() { return 3e-2; }

/// Mean KL divergence, in nats, of a cache in int8 from one in f32, everything else exact, on the reference checkpoints: as
/// fast_mode_divergence(), of which it is one of several causes.
inline double int8_cache_divergence() { return 5e-3; }

/// Relative to the largest |logit|, root mean square: a model whose matrices are q8_0 against the original. A weight is off by up to
/// d/2, d the largest of its block / 127: 0.3 % of a bell's deviation. A product's error is that of its result's size, the residual
/// stream gathers some ten of them with random signs, and norms keep it: about 1 %; the largest logit is some deviations large.
inline double q8_0_logits() { return 1e-2; }

}  // namespace rorqual::tolerance
