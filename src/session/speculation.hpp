#pragma once

#include <array>
#include <cstddef>
#include <span>

#include "session/pace.hpp"
#include "session/timeline.hpp"

namespace rorqual::session {

/// Guesses ahead of a generation, for the model to verify several tokens at a time. Drawing decides: a guess holds where the token drawn
/// from the model's own logits is the guessed one. So tokens are what they would be without, greedy or sampled.
class Speculation {
 public:
    explicit Speculation(const SessionOptions& options) : drafting_(options.drafting), pace_(static_cast<std::size_t>(options.draft_tokens)) {}

    /// timeline.logits(), with guesses of up to `room` tokens where they pay. Throws as that; the next call tries again.
    std::span<const float> logits(Timeline& timeline, std::size_t room);

 private:
    std::size_t guess(Timeline& timeline, std::span<Token> guesses) const;

    Drafting drafting_;
    Pace pace_;
    // The round before: what it took, until it is known what was kept.
    std::size_t guesses_ = 0;
    std::uint64_t kept_before_ = 0;
    double seconds_ = 0;
};

}  // namespace rorqual::session
