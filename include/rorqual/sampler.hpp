#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual {

/// How the next token is chosen from the logits. Zero or the default of a field means: off.
/// Applied in this order: logit bias, repetition and presence penalties, temperature, top-k, top-p, min-p, draw.
struct SamplingOptions {
    float temperature = 0;                                 ///< logits are divided by it, finite, ≥ 0. 0 = greedy: the largest logit, ties to the lowest id; the filters then have no effect
    std::int32_t top_k = 0;                                ///< keep the k largest, ties to the lowest id; ≥ 0, 0 = all
    float top_p = 0;                                       ///< keep the smallest set of the most probable tokens whose probability reaches p, in [0, 1]; 0 or 1 = all
    float min_p = 0;                                       ///< keep tokens of at least min_p × the largest probability, in [0, 1]; 0 = all
    float repetition_penalty = 1;                          ///< > 0; divides positive and multiplies negative logits of tokens seen ("CTRL", §4.1); 1 = off
    float presence_penalty = 0;                            ///< finite; subtracted from logits of tokens seen; 0 = off
    std::int32_t penalty_window = 0;                       ///< how many of the last tokens, prompt included, count as seen; ≥ 0, 0 = all
    std::vector<std::pair<Token, float>> logit_bias = {};  ///< added to the logit of a token; −∞ forbids it, +∞ forces it. A token given twice gets both
    std::uint64_t seed = 0;                                ///< same seed, same logits: same tokens, on every machine
};

/// A drawn token and the natural logarithm of its probability under the model: log-softmax of the raw logits, before bias,
/// penalties and filters.
struct Sampled {
    Token token = 0;
    float logprob = 0;
};

/// Draws tokens. The random number of a draw depends only on the seed and the position, so that a generation can be
/// rewound and repeated. One thread at a time; allocates nothing after construction.
///
/// Logits need not be finite. NaN counts as −∞; −∞ is never chosen; where a logit is +∞, the choice is among those that are,
/// with equal probability.
class Sampler {
 public:
    /// Throws Error(invalid_argument) naming the option that is NaN or out of range.
    explicit Sampler(SamplingOptions options, std::int64_t vocab_size);

    /// Draws one token.
    ///   logits    [vocab_size] f32, unchanged
    ///   seen      the timeline so far, oldest first; read only when a penalty is on
    ///   position  index of the token to be drawn: which random number to use
    ///   allowed   bit t of word t / 64 tells whether token t may be drawn; empty = any may
    /// Throws Error(invalid_argument) if logits has another size, a token seen lies outside the vocabulary, or nothing can be
    /// chosen because every logit is −∞ or NaN, or none is allowed that is not.
    Sampled sample(std::span<const float> logits, std::span<const Token> seen, std::uint64_t position, std::span<const std::uint64_t> allowed = {});

    [[nodiscard]] const SamplingOptions& options() const noexcept { return options_; }

 private:
    SamplingOptions options_;
    std::vector<float> adjusted_;        // [vocab] logits after bias and penalties
    std::vector<std::uint64_t> ranks_;   // [vocab] room for the candidates of a draw
    std::vector<std::uint8_t> counted_;  // [vocab] all 0 between calls: which of the tokens seen were penalised already
};

}  // namespace rorqual
