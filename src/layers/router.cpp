#include "layers/router.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "base/ceil_div.hpp"
#include "ops/check.hpp"
#include "rorqual/error.hpp"

namespace rorqual::layers {
namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

// Values by descending size, equal ones by ascending index. There are no NaN among them.
struct Ranking {
    std::span<const float> values;

    [[nodiscard]] bool before(std::size_t a, std::size_t b) const noexcept {
        return values[a] > values[b] || (values[a] == values[b] && a < b);
    }

    // Calls take(n, index) for the first `count` indices of those that `eligible` accepts, which are at least so many.
    // Returns the last of them.
    template <class Eligible, class Take>
    std::size_t first(std::int64_t count, Eligible eligible, Take take) const {
        const auto none = values.size();
        auto last = none;
        for (std::int64_t n = 0; n < count; ++n) {
            auto best = none;
            for (std::size_t i = 0; i < values.size(); ++i) {
                if (eligible(i) && (last == none || before(last, i)) && (best == none || before(i, best))) best = i;
            }
            take(n, last = best);
        }
        return last;
    }
};

float score_of_group(GroupScore kind, std::span<const float> group) {
    float first = lowest, second = lowest;
    for (const float s : group) {
        if (s > first)
            second = std::exchange(first, s);
        else
            second = std::max(second, s);
    }
    return kind == GroupScore::maximum || group.size() == 1 ? first : first + second;
}

// One token. scores [E]: logits on entry; selection [E] and group_scores [groups]: scratch; ids, weights [k].
void route_token(const RouterOptions& o, std::span<float> scores, std::span<const float> bias, std::span<float> selection,
                 std::span<float> group_scores, std::span<std::int32_t> ids, std::span<float> weights) {
    score_experts(o.scoring, scores);
    for (std::size_t e = 0; e < scores.size(); ++e) {
        const float s = bias.empty() ? scores[e] : scores[e] + bias[e];
        selection[e] = std::isnan(s) ? lowest : s;
    }
    const auto size = scores.size() / group_scores.size();
    for (std::size_t g = 0; g < group_scores.size(); ++g) {
        group_scores[g] = score_of_group(o.group_score, selection.subspan(g * size, size));
    }
    const Ranking groups{group_scores}, experts{selection};
    const auto last_kept = groups.first(
        o.groups_kept, [](std::size_t) { return true; }, [](std::int64_t, std::size_t) {});
    // Experts of other groups do not take part, which is what masking them with −∞ means. A mask of 0 would let them win
    // where biases are negative.
    experts.first(
        o.experts_per_token, [&](std::size_t e) { return !groups.before(last_kept, e / size); },
        [&](std::int64_t n, std::size_t e) { ids[static_cast<std::size_t>(n)] = static_cast<std::int32_t>(e); });
    weigh_experts(o, scores, ids, weights);
}

}  // namespace

void score_experts(Scoring scoring, std::span<float> x) {
    switch (scoring) {
        case Scoring::softmax: {
            const float peak = *std::ranges::max_element(x);
            float sum = 0;
            for (float& z : x) sum += z = std::exp(z - peak);
            for (float& z : x) z /= sum;
            return;
        }
        case Scoring::sigmoid:
            for (float& z : x) z = 1 / (1 + std::exp(-z));
            return;
        case Scoring::sqrt_softplus:
            // Linear above 20, as in torch.
            for (float& z : x) z = std::sqrt(z > 20 ? z : std::log1p(std::exp(z)));
            return;
    }
}

void weigh_experts(const RouterOptions& o, std::span<const float> scores, std::span<const std::int32_t> ids, std::span<float> weights) {
    float sum = 0;
    for (std::size_t n = 0; n < ids.size(); ++n) {
        weights[n] = scores[static_cast<std::size_t>(ids[n])];  // without the bias, V3 eq. (13), (16)
        sum += weights[n];
    }
    for (float& w : weights) w = (o.normalise ? w / (sum + 1e-20f) : w) * o.scale;
}

const char* problem_of(const RouterOptions& o) noexcept {
    if (o.experts < 1 || o.experts > INT32_MAX) return "experts: expected 1 to 2^31 - 1";
    if (o.groups < 1 || o.experts % o.groups != 0) return "groups: expected a divisor of experts";
    if (o.groups_kept < 1 || o.groups_kept > o.groups) return "groups_kept: expected 1 to groups";
    if (o.experts_per_token < 1 || o.experts_per_token > o.groups_kept * (o.experts / o.groups)) {
        return "experts_per_token: expected 1 to the number of experts in the groups kept";
    }
    if (!std::isfinite(o.scale)) return "scale: expected a finite number";
    return nullptr;
}

Router::Scratch Router::Scratch::cut(cpu::Arena& arena, const RouterOptions& options, std::int64_t chunk, std::size_t workers) {
    const auto w = static_cast<std::int64_t>(workers);
    return {.logits = arena.take_rows(chunk, options.experts),
            .selection = arena.take_rows(w, options.experts),
            .group_scores = arena.take_rows(w, options.groups),
            .ids = arena.take<std::int32_t>(chunk * options.experts_per_token),
            .weights = arena.take<float>(chunk * options.experts_per_token)};
}

Router::Choice Router::choose(const ops::Run& run, ConstRows x, const Scratch& scratch) const {
    constexpr std::int64_t at_once = 16;  // tokens in a task
    const auto k = static_cast<std::size_t>(options.experts_per_token);
    const auto logits = scratch.logits.slice_rows(0, x.rows);
    ops::matmul(run, gate, x, logits);
    run.parallel_for(ceil_div(x.rows, at_once), [&](std::int64_t task, std::size_t worker) {
        const auto w = static_cast<std::int64_t>(worker);
        for (auto t = task * at_once; t < std::min(x.rows, (task + 1) * at_once); ++t) {
            const auto slot = static_cast<std::size_t>(t) * k;
            route_token(options, logits.row(t), bias, scratch.selection.row(w), scratch.group_scores.row(w),
                        scratch.ids.subspan(slot, k), scratch.weights.subspan(slot, k));
        }
    });
    const auto slots = static_cast<std::size_t>(x.rows) * k;
    return {scratch.ids.first(slots), scratch.weights.first(slots)};
}

}  // namespace rorqual::layers

namespace rorqual {

void route(const RouterOptions& options, ConstRows logits, std::span<const float> bias, std::span<std::int32_t> ids,
           std::span<float> weights) {
    if (const char* const problem = layers::problem_of(options)) throw Error(Status::invalid_argument, std::string("options.") + problem);
    ops::check_rows("logits", logits);
    ops::check_size("logits: columns", logits.cols, options.experts);
    if (!bias.empty()) ops::check_size("bias: elements", static_cast<std::int64_t>(bias.size()), options.experts);
    // logits.rows · k fits: there are as many columns, and as many rows of them, as an address can count.
    const auto choices = logits.rows * options.experts_per_token;
    ops::check_size("ids: elements", static_cast<std::int64_t>(ids.size()), choices);
    ops::check_size("weights: elements", static_cast<std::int64_t>(weights.size()), choices);

    std::vector<float> scores(static_cast<std::size_t>(options.experts)), selection(scores.size());
    std::vector<float> group_scores(static_cast<std::size_t>(options.groups));
    const auto k = static_cast<std::size_t>(options.experts_per_token);
    for (std::int64_t t = 0; t < logits.rows; ++t) {
        std::ranges::copy(logits.row(t), scores.begin());
        const auto slot = static_cast<std::size_t>(t) * k;
        layers::route_token(options, scores, bias, selection, group_scores, ids.subspan(slot, k), weights.subspan(slot, k));
    }
}

}  // namespace rorqual
