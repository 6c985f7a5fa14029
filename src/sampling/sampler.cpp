#include "rorqual/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "rorqual/error.hpp"
#include "sampling/candidates.hpp"
#include "sampling/exponential.hpp"
#include "sampling/options.hpp"
#include "sampling/penalties.hpp"
#include "sampling/philox.hpp"

namespace rorqual {
namespace {

using sampling::Candidates;

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// e^((logit − largest) / temperature): the unnormalised probability. 1 for the largest, also where that is +∞.
class Weight {
 public:
    Weight(float largest, float temperature) : largest_(largest), temperature_(temperature) {}
    double operator()(float logit) const noexcept {
        if (logit == largest_) return 1;
        return sampling::exponential((static_cast<double>(logit) - largest_) / temperature_);
    }

 private:
    double largest_;
    double temperature_;
};

/// The largest logit, the first of equal ones; −1 if there is none above −∞.
Token largest(std::span<const float> logits) noexcept {
    Token best = -1;
    float value = minus_infinity;
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (logits[id] > value) {  // false for NaN
            value = logits[id];
            best = static_cast<Token>(id);
        }
    }
    return best;
}

/// Log-softmax of the raw logits at `token`, whose logit is a number above −∞.
float log_probability(std::span<const float> logits, Token token) noexcept {
    const float peak = logits[static_cast<std::size_t>(largest(logits))];
    const Weight weight(peak, 1);
    double sum = 0;
    for (const float logit : logits) sum += weight(logit);  // NaN adds 0
    const float own = logits[static_cast<std::size_t>(token)];
    const double above = own == peak ? 0 : static_cast<double>(own) - peak;
    return static_cast<float>(above - std::log(sum));
}

/// What the filters leave: the first `count` candidates, whose weights add up to `total`.
struct Kept {
    std::size_t count;
    double total;
};

/// Every filter keeps candidates from the largest down to somewhere. All sums in double and in an order that is fixed, so
/// that the outcome is the same on every machine: by descending logit, or by id where nothing is to be sorted.
Kept filter(const SamplingOptions& options, Candidates& candidates, std::span<const float> logits, const Weight& weight) {
    Kept kept{candidates.size(), 0};
    if (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < kept.count) {
        kept.count = static_cast<std::size_t>(options.top_k);
        for (std::size_t i = 0; i < kept.count; ++i) kept.total += weight(candidates.logit(candidates[i]));
    } else {
        for (const float logit : logits) kept.total += weight(logit);  // −∞ adds 0
    }

    const bool top_p = options.top_p > 0 && options.top_p < 1;
    if (!top_p && options.min_p == 0) return kept;
    const double enough = top_p ? options.top_p * kept.total : std::numeric_limits<double>::infinity();
    Kept nucleus{0, 0};
    while (nucleus.count < kept.count && nucleus.total < enough) {
        const double next = weight(candidates.logit(candidates[nucleus.count]));
        if (next < options.min_p) break;  // the largest weighs 1
        nucleus.total += next;
        ++nucleus.count;
    }
    return nucleus;
}

/// The candidate at which the running sum of weights passes `u` of the whole.
Token draw(Candidates& candidates, const Kept& kept, const Weight& weight, double u) {
    const double threshold = u * kept.total;
    double sum = 0;
    Token last = candidates[0];
    for (std::size_t i = 0; i < kept.count; ++i) {
        const Token token = candidates[i];
        const double step = weight(candidates.logit(token));
        if (step == 0) break;  // so far below the largest that it can never be drawn
        last = token;
        sum += step;
        if (sum > threshold) break;
    }
    return last;  // also when rounding kept the sum from passing the threshold
}

}  // namespace

Sampler::Sampler(SamplingOptions options, std::int64_t vocab_size) : options_(std::move(options)) {
    if (vocab_size < 1) throw Error(Status::invalid_argument, "vocab_size: " + std::to_string(vocab_size) + ", expected at least 1");
    sampling::check(options_, vocab_size);
    const auto vocab = static_cast<std::size_t>(vocab_size);
    adjusted_.resize(vocab);
    candidates_.reserve(vocab);
    counted_.resize(vocab);
}

Sampled Sampler::sample(std::span<const float> logits, std::span<const Token> seen, std::uint64_t position) {
    if (logits.size() != adjusted_.size()) {
        throw Error(Status::invalid_argument, "logits: " + std::to_string(logits.size()) + " values, expected " + std::to_string(adjusted_.size()));
    }
    auto chosen_from = logits;
    if (sampling::adjusts(options_)) {
        std::copy(logits.begin(), logits.end(), adjusted_.begin());
        sampling::adjust(options_, seen, adjusted_, counted_);
        chosen_from = adjusted_;
    }

    Token token = largest(chosen_from);
    if (token < 0) throw Error(Status::invalid_argument, "logits: no token can be chosen, all are -inf or NaN");
    if (options_.temperature > 0) {
        const Weight weight(chosen_from[static_cast<std::size_t>(token)], options_.temperature);
        Candidates candidates(chosen_from, candidates_);
        const Kept kept = filter(options_, candidates, chosen_from, weight);
        token = draw(candidates, kept, weight, sampling::uniform(options_.seed, position));
    }
    return {token, log_probability(logits, token)};
}

}  // namespace rorqual
