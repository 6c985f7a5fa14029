#include "rorqual/sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>

#include "rorqual/error.hpp"
#include "sampling/candidates.hpp"
#include "sampling/options.hpp"
#include "sampling/penalties.hpp"
#include "sampling/philox.hpp"
#include "sampling/softmax.hpp"

namespace rorqual {
namespace {

using sampling::Candidates;
using sampling::Softmax;

constexpr float minus_infinity = -std::numeric_limits<float>::infinity();

/// The largest logit, the first of equal ones; −1 if there is none above −∞.
Token largest(std::span<const float> logits) noexcept {
    std::array<float, 8> best;  // of every eighth, so that the loop becomes vector code
    best.fill(minus_infinity);
    std::size_t id = 0;
    for (; id + best.size() <= logits.size(); id += best.size()) {
        for (std::size_t lane = 0; lane < best.size(); ++lane) best[lane] = logits[id + lane] > best[lane] ? logits[id + lane] : best[lane];
    }
    float value = *std::ranges::max_element(best);
    for (; id < logits.size(); ++id) value = logits[id] > value ? logits[id] : value;  // NaN is never larger
    if (value == minus_infinity) return -1;
    return static_cast<Token>(std::ranges::find(logits, value) - logits.begin());
}

/// Log-softmax of the raw logits at `token`, whose logit is a number above −∞.
float log_probability(std::span<const float> logits, Token token) noexcept {
    const float peak = logits[static_cast<std::size_t>(largest(logits))];
    const float own = logits[static_cast<std::size_t>(token)];
    const double above = own == peak ? 0 : static_cast<double>(own) - peak;
    return static_cast<float>(above - std::log(Softmax(peak, 1).total(logits)));
}

/// Leaves only the tokens whose bit is set; all where there are no bits.
void forbid_others(std::span<float> logits, std::span<const std::uint64_t> allowed) noexcept {
    for (std::size_t word = 0; word < allowed.size(); ++word) {
        if (allowed[word] == ~std::uint64_t{0}) continue;
        const auto some = logits.subspan(64 * word, std::min<std::size_t>(64, logits.size() - 64 * word));
        for (std::size_t i = 0; i < some.size(); ++i) {
            if ((allowed[word] >> i & 1) == 0) some[i] = minus_infinity;
        }
    }
}

bool filters(const SamplingOptions& options, std::size_t vocab) noexcept {
    return (options.top_k > 0 && static_cast<std::size_t>(options.top_k) < vocab) || (options.top_p > 0 && options.top_p < 1) || options.min_p > 0;
}

/// The first token, by id, at which the running sum of weights passes `u` of the whole.
Token draw(std::span<const float> logits, const Softmax& softmax, double u) {
    const double threshold = u * softmax.total(logits);
    double sum = 0;
    std::size_t last = 0;
    for (std::size_t first = 0; first < logits.size(); first += sampling::block_size) {
        const auto weights = softmax.weights(logits, first);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            if (weights[i] == 0) continue;
            last = first + i;
            sum += static_cast<double>(weights[i]);
            if (sum > threshold) return static_cast<Token>(last);
        }
    }
    return static_cast<Token>(last);  // rounding kept the sum from passing the threshold
}

/// What the filters leave: the first `count` candidates, whose weights add up to `total`.
struct Kept {
    std::size_t count = 0;
    double total = 0;
};

/// Keeps candidates, from the largest down, until `count` of them are there, their sum reaches `enough`, or one weighs less
/// than `least` or nothing.
Kept keep(Candidates& candidates, const auto& weight, std::size_t count, double enough, float least) {
    Kept kept;
    while (kept.count < count && kept.total < enough && candidates.has(kept.count)) {
        const float next = weight(candidates[kept.count]);
        if (next < least || next == 0) break;
        kept.total += static_cast<double>(next);
        ++kept.count;
    }
    return kept;
}

/// As above, of what top-k, top-p and min-p leave, by descending logit. All sums in double and in a fixed order, so that
/// the outcome is the same on every machine.
Token draw_filtered(const SamplingOptions& options, std::span<const float> logits, Candidates& candidates, const Softmax& softmax, double u) {
    constexpr auto all = std::numeric_limits<std::size_t>::max();
    constexpr auto infinity = std::numeric_limits<double>::infinity();
    const auto weight = [&](Token token) { return softmax.weight(logits[static_cast<std::size_t>(token)]); };

    const std::size_t count = options.top_k > 0 ? static_cast<std::size_t>(options.top_k) : all;
    double enough = infinity;
    if (options.top_p > 0 && options.top_p < 1) {
        const double total = options.top_k > 0 ? keep(candidates, weight, count, infinity, 0).total : softmax.total(logits);
        enough = static_cast<double>(options.top_p) * total;
    }
    const Kept kept = keep(candidates, weight, count, enough, options.min_p);  // the largest weighs 1

    const double threshold = u * kept.total;
    double sum = 0;
    for (std::size_t i = 0; i < kept.count; ++i) {
        sum += static_cast<double>(weight(candidates[i]));
        if (sum > threshold) return candidates[i];
    }
    return candidates[kept.count - 1];
}

}  // namespace

Sampler::Sampler(SamplingOptions options, std::int64_t vocab_size) : options_(std::move(options)) {
    if (vocab_size < 1) throw Error(Status::invalid_argument, "vocab_size: " + std::to_string(vocab_size) + ", expected at least 1");
    sampling::check(options_, vocab_size);
    const auto vocab = static_cast<std::size_t>(vocab_size);
    adjusted_.resize(vocab);
    ranks_.reserve(vocab);
    counted_.resize(vocab);
}

Sampled Sampler::sample(std::span<const float> logits, std::span<const Token> seen, std::uint64_t position, std::span<const std::uint64_t> allowed) {
    if (logits.size() != adjusted_.size()) {
        throw Error(Status::invalid_argument, "logits: " + std::to_string(logits.size()) + " values, expected " + std::to_string(adjusted_.size()));
    }
    auto chosen_from = logits;
    if (!allowed.empty() && allowed.size() != (logits.size() + 63) / 64) {
        throw Error(Status::invalid_argument, "allowed: " + std::to_string(allowed.size()) + " words, expected " + std::to_string((logits.size() + 63) / 64));
    }
    if (sampling::adjusts(options_) || !allowed.empty()) {
        std::copy(logits.begin(), logits.end(), adjusted_.begin());
        sampling::adjust(options_, seen, adjusted_, counted_);
        forbid_others(adjusted_, allowed);
        chosen_from = adjusted_;
    }

    Token token = largest(chosen_from);
    if (token < 0) throw Error(Status::invalid_argument, allowed.empty() ? "logits: no token can be chosen, all are -inf or NaN" : "logits: no token can be chosen, all that are allowed are -inf or NaN");
    if (options_.temperature > 0) {
        const float peak = chosen_from[static_cast<std::size_t>(token)];
        const Softmax softmax(peak, options_.temperature);
        const double u = sampling::uniform(options_.seed, position);
        if (filters(options_, logits.size())) {
            Candidates candidates(chosen_from, peak, options_.temperature, ranks_);
            token = draw_filtered(options_, chosen_from, candidates, softmax, u);
        } else {
            token = draw(chosen_from, softmax, u);
        }
    }
    return {token, log_probability(logits, token)};
}

}  // namespace rorqual
