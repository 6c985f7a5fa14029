#pragma once

#include <cstdint>
#include <span>

#include "rorqual/sampler.hpp"

namespace rorqual::sampling {

/// True if bias or penalties change any logit.
[[nodiscard]] bool adjusts(const SamplingOptions& options) noexcept;

/// Adds the logit bias, then the penalties of the tokens seen; afterwards no logit is NaN, those that were are −∞.
///   logits   [vocab] f32, in place
///   seen     the timeline so far, oldest first: each of the last penalty_window tokens is penalised once, however often it occurs
///   counted  [vocab], all 0 before and after
/// Throws Error(invalid_argument) for a token seen that lies outside the vocabulary; logits are then in between.
void adjust(const SamplingOptions& options, std::span<const Token> seen, std::span<float> logits, std::span<std::uint8_t> counted);

}  // namespace rorqual::sampling
