#include "layers/router.hpp"

#include <catch2/catch.hpp>

#include <numeric>
#include <set>

#include "ops/operands.hpp"
#include "rorqual/moe.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;

namespace {

struct Routed {
    std::vector<std::int32_t> ids;
    std::vector<float> weights;
    bool operator==(const Routed&) const = default;
};

Routed routed(const RouterOptions& options, const std::vector<float>& logits, const std::vector<float>& bias = {}) {
    const auto tokens = static_cast<std::int64_t>(logits.size()) / options.experts;
    Routed r;
    r.ids.resize(static_cast<std::size_t>(tokens * options.experts_per_token));
    r.weights.resize(r.ids.size());
    route(options, {logits.data(), tokens, options.experts}, bias, r.ids, r.weights);
    return r;
}

std::vector<double> scores_of(Scoring scoring, std::span<const float> logits) {
    std::vector<double> s(logits.begin(), logits.end());
    const double peak = *std::max_element(s.begin(), s.end());
    double sum = 0;
    for (double& x : s) {
        if (scoring == Scoring::softmax) sum += x = std::exp(x - peak);
        if (scoring == Scoring::sigmoid) x = 1 / (1 + std::exp(-x));
        if (scoring == Scoring::sqrt_softplus) x = std::sqrt(std::log1p(std::exp(x)));
    }
    if (scoring == Scoring::softmax)
        for (double& x : s) x /= sum;
    return s;
}

// One token as the papers write it: sort groups, mask with −∞, sort experts.
Routed reference(const RouterOptions& o, std::span<const float> logits, const std::vector<float>& bias) {
    const auto scores = scores_of(o.scoring, logits);
    std::vector<double> select(scores);
    for (std::size_t e = 0; e < bias.size(); ++e) select[e] += bias[e];
    const auto size = static_cast<std::size_t>(o.experts / o.groups);
    std::vector<double> group_scores;
    for (std::size_t g = 0; g < static_cast<std::size_t>(o.groups); ++g) {
        std::vector<double> members(select.begin() + static_cast<std::ptrdiff_t>(g * size), select.begin() + static_cast<std::ptrdiff_t>((g + 1) * size));
        std::sort(members.rbegin(), members.rend());
        group_scores.push_back(o.group_score == GroupScore::maximum || size == 1 ? members[0] : members[0] + members[1]);
    }
    const auto ranked = [](const std::vector<double>& values) {
        std::vector<std::size_t> order(values.size());
        std::iota(order.begin(), order.end(), 0);
        std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] > values[b]; });
        return order;
    };
    const auto groups = ranked(group_scores);
    for (std::size_t i = static_cast<std::size_t>(o.groups_kept); i < groups.size(); ++i) {
        for (std::size_t e = groups[i] * size; e < (groups[i] + 1) * size; ++e) select[e] = -std::numeric_limits<double>::infinity();
    }
    const auto experts = ranked(select);
    Routed r;
    double sum = 0;
    for (std::size_t j = 0; j < static_cast<std::size_t>(o.experts_per_token); ++j) {
        r.ids.push_back(static_cast<std::int32_t>(experts[j]));
        sum += scores[experts[j]];
    }
    for (const auto id : r.ids) {
        const double s = scores[static_cast<std::size_t>(id)];
        r.weights.push_back(static_cast<float>((o.normalise ? s / (sum + 1e-20) : s) * o.scale));
    }
    return r;
}

const RouterOptions some_options[] = {
    {.experts = 1, .experts_per_token = 1},
    {.experts = 64, .experts_per_token = 6},
    {.experts = 13, .experts_per_token = 13, .scale = 2.5f},
    {.experts = 160, .experts_per_token = 6, .groups = 8, .groups_kept = 3, .scale = 16},
    {.experts = 12, .experts_per_token = 3, .groups = 4, .groups_kept = 2, .normalise = true},
    {.experts = 256, .experts_per_token = 8, .scoring = Scoring::sigmoid, .groups = 8, .groups_kept = 4, .group_score = GroupScore::top_two_sum, .normalise = true, .scale = 2.5f},
    {.experts = 9, .experts_per_token = 2, .scoring = Scoring::sigmoid, .groups = 9, .groups_kept = 2, .group_score = GroupScore::top_two_sum},
    {.experts = 96, .experts_per_token = 6, .scoring = Scoring::sqrt_softplus, .normalise = true, .scale = 1.5f},
};

}  // namespace

TEST_CASE("a router chooses as the papers write it", "[layers][router]") {
    const auto& options = GENERATE(from_range(std::begin(some_options), std::end(some_options)));
    const bool biased = GENERATE(false, true);
    test::Values values(5);
    constexpr std::int64_t tokens = 50;
    auto logits = values.take(tokens * options.experts);
    for (float& x : logits) x *= 4;
    const auto bias = biased ? values.take(options.experts) : std::vector<float>();
    const auto r = routed(options, logits, bias);
    const auto k = static_cast<std::size_t>(options.experts_per_token);
    for (std::size_t t = 0; t < tokens; ++t) {
        const auto expected = reference(options, std::span(logits).subspan(t * static_cast<std::size_t>(options.experts), static_cast<std::size_t>(options.experts)), bias);
        CAPTURE(options.experts, biased, t);
        CHECK(std::vector(r.ids.begin() + static_cast<std::ptrdiff_t>(t * k), r.ids.begin() + static_cast<std::ptrdiff_t>((t + 1) * k)) == expected.ids);
        double worst = 0;
        for (std::size_t j = 0; j < k; ++j) worst = std::max(worst, std::abs(double{r.weights[t * k + j]} / expected.weights[j] - 1));
        CHECK(worst <= tolerance::routing(options.experts));
    }
}

TEST_CASE("a router never selects an expert outside its top groups", "[layers][router]") {
    // Biases so low that anything masked with 0 would win.
    const RouterOptions options{.experts = 32, .experts_per_token = 8, .scoring = Scoring::sigmoid, .groups = 8, .groups_kept = 2, .group_score = GroupScore::top_two_sum};
    test::Values values(7);
    for (int round = 0; round < 100; ++round) {
        const auto logits = values.take(32);
        auto bias = values.take(32);
        for (float& b : bias) b = b * 3 - 50;
        const auto r = routed(options, logits, bias);
        std::set<std::int32_t> groups, experts(r.ids.begin(), r.ids.end());
        for (const auto id : r.ids) groups.insert(id / 4);
        CHECK(groups.size() == 2);
        CHECK(experts.size() == 8);
    }
}

TEST_CASE("the same bias on every expert changes nothing", "[layers][router]") {
    const auto& options = GENERATE(from_range(std::begin(some_options), std::end(some_options)));
    // Eighths: adding −2 to them does not round, and does not make scores equal that were not.
    test::Values values(11);
    auto logits = values.take(20 * options.experts);
    const auto with_zero = routed(options, logits, std::vector<float>(static_cast<std::size_t>(options.experts), 0.0f));
    CHECK(with_zero == routed(options, logits));
    if (options.scoring == Scoring::softmax) return;  // its scores are too close together for float sums with −2
    CHECK(with_zero.ids == routed(options, logits, std::vector<float>(static_cast<std::size_t>(options.experts), -2.0f)).ids);
}

TEST_CASE("a router breaks ties by the lower id, of groups as of experts", "[layers][router]") {
    const std::vector<float> equal(12, 0.25f);
    CHECK(routed({.experts = 12, .experts_per_token = 4}, equal).ids == std::vector<std::int32_t>{0, 1, 2, 3});
    CHECK(routed({.experts = 12, .experts_per_token = 4, .groups = 4, .groups_kept = 2}, equal).ids == std::vector<std::int32_t>{0, 1, 2, 3});
    std::vector<float> two(equal);
    two[7] = two[10] = 1;
    CHECK(routed({.experts = 12, .experts_per_token = 4}, two).ids == std::vector<std::int32_t>{7, 10, 0, 1});
    CHECK(routed({.experts = 12, .experts_per_token = 4, .groups = 4, .groups_kept = 2}, two).ids == std::vector<std::int32_t>{7, 10, 6, 8});
}

TEST_CASE("router weights are unbiased scores", "[layers][router]") {
    const std::vector<float> logits{0, 1, 2, 3}, bias{100, 0, 50, 0};
    const auto r = routed({.experts = 4, .experts_per_token = 2, .scoring = Scoring::sigmoid}, logits, bias);
    CHECK(r.ids == std::vector<std::int32_t>{0, 2});
    CHECK(r.weights[0] == 0.5f);
    CHECK(r.weights[1] == Approx(1 / (1 + std::exp(-2.0))));
}

TEST_CASE("normalised weights sum to the scale, and scores of zero do not divide by zero", "[layers][router]") {
    const auto r = routed({.experts = 4, .experts_per_token = 3, .scoring = Scoring::sigmoid, .normalise = true, .scale = 2.5f}, {-1, 0, 1, 2});
    CHECK(r.weights[0] + r.weights[1] + r.weights[2] == Approx(2.5));
    const auto zero = routed({.experts = 2, .experts_per_token = 2, .scoring = Scoring::sigmoid, .normalise = true}, {-1000, -1000});
    CHECK(zero.weights == std::vector<float>{0, 0});
}

TEST_CASE("whatever the logits are, a router names different experts that exist", "[layers][router][hostile]") {
    const auto& options = GENERATE(from_range(std::begin(some_options), std::end(some_options)));
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    for (const float bad : {nan, inf, -inf, 3e38f, -3e38f}) {
        for (const std::size_t step : {1u, 2u, 3u}) {
            std::vector<float> logits(static_cast<std::size_t>(options.experts), 0.5f);
            for (std::size_t e = 0; e < logits.size(); e += step) logits[e] = bad;
            const auto r = routed(options, logits);
            const std::set<std::int32_t> different(r.ids.begin(), r.ids.end());
            CAPTURE(options.experts, bad, step);
            CHECK(different.size() == r.ids.size());
            CHECK(*different.begin() >= 0);
            CHECK(*different.rbegin() < options.experts);
        }
    }
}

TEST_CASE("router options that make no sense are refused by name", "[layers][router][hostile]") {
    struct Case {
        RouterOptions options;
        const char* says;
    };
    const auto c = GENERATE(values<Case>({
        {{.experts = 0, .experts_per_token = 1}, "options.experts"},
        {{.experts = -4, .experts_per_token = 1}, "options.experts"},
        {{.experts = INT64_MAX, .experts_per_token = 1}, "options.experts"},
        {{.experts = 4, .experts_per_token = 0}, "options.experts_per_token"},
        {{.experts = 4, .experts_per_token = 5}, "options.experts_per_token"},
        {{.experts = 4, .experts_per_token = 2, .groups = 0}, "options.groups"},
        {{.experts = 4, .experts_per_token = 2, .groups = 3}, "options.groups"},
        {{.experts = 4, .experts_per_token = 2, .groups = 2, .groups_kept = 3}, "options.groups_kept"},
        {{.experts = 4, .experts_per_token = 2, .groups = 2, .groups_kept = 0}, "options.groups_kept"},
        {{.experts = 4, .experts_per_token = 3, .groups = 2, .groups_kept = 1}, "options.experts_per_token"},
        {{.experts = 4, .experts_per_token = 2, .scale = std::numeric_limits<float>::quiet_NaN()}, "options.scale"},
    }));
    std::vector<float> logits(4);
    std::vector<std::int32_t> ids(2);
    std::vector<float> weights(2);
    const auto outcome = test::outcome_of([&] { route(c.options, {logits.data(), 1, 4}, {}, ids, weights); });
    CHECK(outcome.status == Status::invalid_argument);
    CHECK_THAT(outcome.line, Catch::Contains(c.says));
}

TEST_CASE("router arrays of the wrong size are refused by name", "[layers][router][hostile]") {
    const RouterOptions options{.experts = 4, .experts_per_token = 2};
    std::vector<float> logits(8), bias(4), weights(4);
    std::vector<std::int32_t> ids(4);
    const auto expect = [&](ConstRows l, std::span<const float> b, std::span<std::int32_t> i, std::span<float> w, const char* says) {
        const auto outcome = test::outcome_of([&] { route(options, l, b, i, w); });
        CHECK(outcome.status == (says ? Status::invalid_argument : Status::ok));
        if (says) CHECK_THAT(outcome.line, Catch::Contains(says));
    };
    const ConstRows two(logits.data(), 2, 4);
    expect(two, bias, ids, weights, nullptr);
    expect({logits.data(), 2, 3}, bias, ids, weights, "logits");
    expect({nullptr, 2, 4}, bias, ids, weights, "logits");
    expect({logits.data(), 2, 4, 2}, bias, ids, weights, "logits");
    expect(two, std::span(bias).first(3), ids, weights, "bias");
    expect(two, bias, std::span(ids).first(3), weights, "ids");
    expect(two, bias, ids, std::span(weights).first(3), "weights");
    expect({logits.data(), 0, 4}, {}, {}, {}, nullptr);
}

TEST_CASE("the router of a layer gives the bits of route, for any number of tokens and threads", "[layers][router]") {
    const auto& options = GENERATE(from_range(std::begin(some_options), std::end(some_options)));
    constexpr std::int64_t hidden = 19, tokens = 40;
    test::Values values(3);
    const test::Weights gate(DType::f16, options.experts, hidden, values.take(options.experts * hidden));
    test::Matrix x(tokens, hidden, 2, values), logits(tokens, options.experts);
    const layers::Router router{options, gate.view(), values.take(options.experts)};
    ops::matmul(gate.view(), x.view(), logits.view());
    std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens * options.experts_per_token));
    std::vector<float> weights(ids.size());
    route(options, logits.view(), router.bias, ids, weights);

    const std::size_t threads = GENERATE(1, 3);
    const std::int64_t first = GENERATE(0, 17), count = GENERATE(1, 23);
    test::CountingMemory memory;
    cpu::Arena counting;
    (void)layers::Router::Scratch::cut(counting, options, tokens, threads);
    cpu::Arena arena(counting.bytes(), memory);
    const auto scratch = layers::Router::Scratch::cut(arena, options, tokens, threads);
    const auto kernels = ops::choose(cpu::detect());
    const auto workers = cpu::Workers::pool(threads);
    const auto choice = router.choose({.kernels = kernels, .workers = *workers}, x.view().slice_rows(first, count), scratch);
    const auto from = static_cast<std::size_t>(first * options.experts_per_token);
    const auto size = static_cast<std::size_t>(count * options.experts_per_token);
    CHECK(std::ranges::equal(choice.ids, std::span(ids).subspan(from, size)));
    CHECK(std::ranges::equal(choice.weights, std::span(weights).subspan(from, size)));
}
