#include "session/pace.hpp"

#include <algorithm>

namespace rorqual::session {
namespace {

constexpr double newest = 0.15;       // how much the latest round counts
constexpr std::size_t patience = 32;  // rounds without guesses before one is tried again: texts change

double blend(double known, double seen) { return known + newest * (seen - known); }

}  // namespace

std::size_t Pace::next() {
    if (seconds_[0] == 0) return 0;  // what one token takes is known first
    std::size_t best = 0;
    double most = 0;
    for (std::size_t n = 0; n < seconds_.size(); ++n) {
        const double rate = expected_tokens(n) / expected_seconds(n);
        if (rate > most) most = rate, best = n;
    }
    if (best > 0 || seconds_.size() == 1) return best;
    return ++idle_ % patience == 0 ? 1 : 0;
}

void Pace::learn(std::size_t guesses, std::size_t kept, double seconds) {
    double& known = seconds_[guesses];
    known = known == 0 ? seconds : blend(known, seconds);
    for (std::size_t i = 0; i < std::min(guesses, kept + 1); ++i) holds_ = blend(holds_, i < kept ? 1.0 : 0.0);
}

/// What is not known yet is expected to cost what the next smaller known one does, and a tenth of a token for each guess more.
double Pace::expected_seconds(std::size_t guesses) const {
    std::size_t known = guesses;
    while (seconds_[known] == 0) --known;
    return seconds_[known] + 0.1 * seconds_[0] * static_cast<double>(guesses - known);
}

double Pace::expected_tokens(std::size_t guesses) const {
    double tokens = 1, chance = 1;
    for (std::size_t i = 0; i < guesses; ++i) tokens += chance *= holds_;
    return tokens;
}

}  // namespace rorqual::session
