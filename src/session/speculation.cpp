#include "session/speculation.hpp"

#include <algorithm>
#include <chrono>

#include "session/prompt_lookup.hpp"

namespace rorqual::session {

std::span<const float> Speculation::logits(Timeline& timeline, std::size_t room) {
    if (timeline.has_logits()) return timeline.logits();
    if (drafting_ == Drafting::none || timeline.length() - timeline.evaluated() != 1) return timeline.logits();

    const auto kept = timeline.kept_guesses();
    if (seconds_ > 0) pace_.learn(guesses_, static_cast<std::size_t>(kept - kept_before_), seconds_);
    seconds_ = 0;
    kept_before_ = kept;

    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    std::array<Token, 16> made;
    guesses_ = guess(timeline, std::span(made).first(std::min({pace_.next(), room, made.size()})));
    const auto logits = timeline.logits(std::span(made).first(guesses_));
    seconds_ = std::chrono::duration<double>(Clock::now() - start).count();
    return logits;
}

std::size_t Speculation::guess(Timeline& timeline, std::span<Token> guesses) const {
    if (guesses.empty()) return 0;
    return drafting_ == Drafting::lookup ? look_up(timeline.tokens(), guesses) : timeline.guess(guesses);
}

}  // namespace rorqual::session
