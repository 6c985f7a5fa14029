#include "sampling/penalties.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::sampling {
namespace {

bool penalises(const SamplingOptions& options) noexcept { return options.repetition_penalty != 1 || options.presence_penalty != 0; }

std::span<const Token> window(const SamplingOptions& options, std::span<const Token> seen) {
    const auto width = static_cast<std::size_t>(options.penalty_window);
    return width == 0 || width >= seen.size() ? seen : seen.last(width);
}

void check(std::span<const Token> seen, std::size_t vocab) {
    for (const Token token : seen) {
        if (token < 0 || static_cast<std::size_t>(token) >= vocab) {
            throw Error(Status::invalid_argument, "seen: token " + std::to_string(token) + ", expected an id below " + std::to_string(vocab));
        }
    }
}

}  // namespace

bool adjusts(const SamplingOptions& options) noexcept { return !options.logit_bias.empty() || penalises(options); }

void adjust(const SamplingOptions& options, std::span<const Token> seen, std::span<float> logits, std::span<std::uint8_t> counted) {
    for (const auto& [token, bias] : options.logit_bias) logits[static_cast<std::size_t>(token)] += bias;

    if (penalises(options)) {
        const auto recent = window(options, seen);
        check(recent, logits.size());
        for (const Token token : recent) {
            const auto id = static_cast<std::size_t>(token);
            if (counted[id]) continue;
            counted[id] = 1;
            float& logit = logits[id];
            // Towards less probable on either side of zero: "CTRL", §4.1, as transformers does it.
            logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
            logit -= options.presence_penalty;
        }
        for (const Token token : recent) counted[static_cast<std::size_t>(token)] = 0;
    }
    std::replace_if(
        logits.begin(), logits.end(), [](float logit) { return std::isnan(logit); }, -std::numeric_limits<float>::infinity());
}

}  // namespace rorqual::sampling
