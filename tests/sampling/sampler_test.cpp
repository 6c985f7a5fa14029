#include "rorqual/sampler.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include <catch2/catch.hpp>

#include "rorqual/error.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using rorqual::test::outcome_of;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

std::vector<float> random_logits(std::mt19937& random, std::size_t vocab, float spread = 3) {
    std::normal_distribution<float> normal(0, spread);
    std::vector<float> logits(vocab);
    for (float& logit : logits) logit = normal(random);
    return logits;
}

Token pick(const SamplingOptions& options, const std::vector<float>& logits, const std::vector<Token>& seen = {}, std::uint64_t position = 0) {
    return Sampler(options, static_cast<std::int64_t>(logits.size())).sample(logits, seen, position).token;
}

/// Every token that comes out of `draws` draws, and how often.
std::map<Token, int> tally(const SamplingOptions& options, const std::vector<float>& logits, int draws) {
    Sampler sampler(options, static_cast<std::int64_t>(logits.size()));
    std::map<Token, int> hits;
    for (int i = 0; i < draws; ++i) ++hits[sampler.sample(logits, {}, static_cast<std::uint64_t>(i)).token];
    return hits;
}

/// The distribution the options define, written down directly from their documentation.
std::vector<double> definition(const SamplingOptions& o, const std::vector<float>& logits) {
    std::vector<Token> order(logits.size());
    std::iota(order.begin(), order.end(), 0);
    const auto at = [](auto& values, Token id) -> auto& { return values[static_cast<std::size_t>(id)]; };
    std::stable_sort(order.begin(), order.end(), [&](Token a, Token b) { return at(logits, a) > at(logits, b); });
    std::vector<double> p(logits.size(), 0);
    for (const Token id : order) at(p, id) = std::exp((double(at(logits, id)) - at(logits, order[0])) / o.temperature);
    const auto keep = [&](std::size_t count) {
        for (std::size_t i = count; i < order.size(); ++i) at(p, order[i]) = 0;
        const double sum = std::accumulate(p.begin(), p.end(), 0.0);
        for (double& value : p) value /= sum;
    };
    keep(o.top_k > 0 ? std::min<std::size_t>(order.size(), static_cast<std::size_t>(o.top_k)) : order.size());
    if (o.top_p > 0 && o.top_p < 1) {
        std::size_t count = 0;
        for (double sum = 0; sum < o.top_p; ++count) sum += at(p, order[count]);
        keep(count);
    }
    if (o.min_p > 0) {
        std::size_t count = 0;
        while (count < order.size() && at(p, order[count]) >= o.min_p * at(p, order[0])) ++count;
        keep(count);
    }
    return p;
}

}  // namespace

TEST_CASE("greedy takes the largest logit and the lowest id of equal ones", "[sampling]") {
    CHECK(pick({}, {1, 3, 2, 3}) == 1);
    CHECK(pick({}, {-5, -7, -5}) == 0);
    CHECK(pick({}, {-0.0f, 0.0f}) == 0);
    CHECK(pick({}, {4}) == 0);
    CHECK(pick({.top_k = 3, .top_p = 0.1f, .seed = 5}, {1, 3, 2, 3}) == 1);
}

TEST_CASE("the log-probability is the log-softmax of the raw logits", "[sampling]") {
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
        const auto logits = random_logits(random, 1 + round * 7);
        SamplingOptions options{.temperature = 1.5f, .repetition_penalty = 1.3f, .seed = std::uint64_t(round)};
        options.logit_bias = {{0, 2.0f}};
        Sampler sampler(options, static_cast<std::int64_t>(logits.size()));
        const auto drawn = sampler.sample(logits, std::vector<Token>{0}, 3);
        double sum = 0;
        for (const float logit : logits) sum += std::exp(double(logit));
        CHECK(drawn.logprob == Approx(logits[static_cast<std::size_t>(drawn.token)] - std::log(sum)));
    }
}

TEST_CASE("logits that are not finite have a defined outcome", "[sampling]") {
    const float temperature = GENERATE(0.0f, 1.0f);
    const SamplingOptions options{.temperature = temperature, .seed = 3};
    CHECK(pick(options, {nan_value, -inf, -4, nan_value}) == 2);
    CHECK(pick(options, {1, 2, inf, 3}) == 2);
    CHECK(Sampler(options, 4).sample(std::vector<float>{1, 2, inf, 3}, {}, 0).logprob == 0);
    CHECK(Sampler(options, 4).sample(std::vector<float>{nan_value, -inf, -4, nan_value}, {}, 0).logprob == 0);
    for (const auto& hopeless : {std::vector<float>{nan_value, nan_value}, {-inf, -inf}, {-inf, nan_value}}) {
        const auto outcome = outcome_of([&] { (void)pick(options, hopeless); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says("no token can be chosen"));
    }
}

TEST_CASE("infinite logits share the probability equally", "[sampling]") {
    const auto hits = tally({.temperature = 1, .seed = 1}, {inf, 100, inf, -inf}, 1000);
    CHECK(hits.size() == 2);
    CHECK(hits.at(0) > 400);
    CHECK(hits.at(2) > 400);
    CHECK(Sampler({}, 4).sample(std::vector<float>{inf, 100, inf, -inf}, {}, 0).logprob == Approx(std::log(0.5)));
}

TEST_CASE("a draw follows the distribution that the options define", "[sampling]") {
    const auto options = GENERATE(SamplingOptions{.temperature = 1}, SamplingOptions{.temperature = 0.5f}, SamplingOptions{.temperature = 3},
                                  SamplingOptions{.temperature = 1, .top_k = 5}, SamplingOptions{.temperature = 1, .top_p = 0.8f},
                                  SamplingOptions{.temperature = 1, .min_p = 0.1f}, SamplingOptions{.temperature = 2, .top_k = 9, .top_p = 0.9f, .min_p = 0.05f});
    std::mt19937 random(10);
    const auto logits = random_logits(random, 20, 0.8f);
    const auto expected = definition(options, logits);
    constexpr int draws = 20000;
    auto seeded = options;
    seeded.seed = 2024;
    auto hits = tally(seeded, logits, draws);
    double chi_square = 0;
    int cells = 0;
    for (std::size_t id = 0; id < logits.size(); ++id) {
        const double mean = expected[id] * draws;
        if (mean == 0) {
            CHECK(hits.count(static_cast<Token>(id)) == 0);
            continue;
        }
        chi_square += std::pow(hits[static_cast<Token>(id)] - mean, 2) / mean;
        ++cells;
    }
    REQUIRE(cells > 1);
    CHECK(chi_square < cells - 1 + 4 * std::sqrt(2.0 * (cells - 1)));  // mean + 4 deviations of χ²; the seed is fixed
}

TEST_CASE("filters keep exactly the tokens of their definition", "[sampling]") {
    std::mt19937 random(4);
    std::uniform_real_distribution<float> unit(0, 1);
    for (int round = 0; round < 60; ++round) {
        const auto logits = random_logits(random, 12, 0.7f);
        SamplingOptions options{.temperature = 0.5f + unit(random) * 2};
        options.top_k = round % 3 == 0 ? 0 : 1 + round % 14;
        options.top_p = round % 4 == 0 ? 0 : unit(random);
        options.min_p = round % 5 == 0 ? 0 : unit(random) * 0.5f;
        options.seed = static_cast<std::uint64_t>(round);
        const auto expected = definition(options, logits);
        const auto hits = tally(options, logits, 4000);
        for (std::size_t id = 0; id < logits.size(); ++id) {
            CAPTURE(round, id, expected[id]);
            if (expected[id] == 0) CHECK(hits.count(static_cast<Token>(id)) == 0);
            if (expected[id] > 0.005) CHECK(hits.count(static_cast<Token>(id)) == 1);
        }
    }
}

TEST_CASE("ties at the edge of a filter are broken by the lower id", "[sampling]") {
    const std::vector<float> flat(10, 1.0f);
    std::set<Token> drawn;
    for (const auto& [token, count] : tally({.temperature = 1, .top_k = 4, .seed = 8}, flat, 500)) drawn.insert(token);
    CHECK(drawn == std::set<Token>{0, 1, 2, 3});
    drawn.clear();
    for (const auto& [token, count] : tally({.temperature = 1, .top_p = 0.25f, .seed = 8}, flat, 500)) drawn.insert(token);
    CHECK(drawn == std::set<Token>{0, 1, 2});
    CHECK(tally({.temperature = 1, .min_p = 1, .seed = 8}, {2, 1, 2, 0}, 500).size() == 2);
}

TEST_CASE("top-k of 1, a tiny top-p and a tiny temperature are greedy", "[sampling]") {
    std::mt19937 random(2);
    for (int round = 0; round < 20; ++round) {
        const auto logits = random_logits(random, 100);
        const Token best = pick({}, logits);
        const auto position = static_cast<std::uint64_t>(round);
        CHECK(pick({.temperature = 5, .top_k = 1}, logits, {}, position) == best);
        CHECK(pick({.temperature = 1, .top_p = 1e-6f}, logits, {}, position) == best);
        CHECK(pick({.temperature = std::numeric_limits<float>::denorm_min()}, logits, {}, position) == best);
    }
}

TEST_CASE("a very high temperature draws every token", "[sampling]") {
    CHECK(tally({.temperature = std::numeric_limits<float>::max()}, {50, -50, 0, 7}, 400).size() == 4);
}

TEST_CASE("the same seed draws the same tokens, in any order of the calls", "[sampling]") {
    std::mt19937 random(6);
    const auto logits = random_logits(random, 500);
    Sampler forwards({.temperature = 1, .top_p = 0.95f, .seed = 77}, 500), backwards({.temperature = 1, .top_p = 0.95f, .seed = 77}, 500);
    std::vector<Token> first(64), second(64);
    for (std::size_t i = 0; i < 64; ++i) first[i] = forwards.sample(logits, {}, i).token;
    for (std::size_t i = 64; i-- > 0;) second[i] = backwards.sample(logits, {}, i).token;
    CHECK(first == second);
    Sampler other({.temperature = 1, .top_p = 0.95f, .seed = 78}, 500);
    std::vector<Token> third(64);
    for (std::size_t i = 0; i < 64; ++i) third[i] = other.sample(logits, {}, i).token;
    CHECK(first != third);
}

TEST_CASE("the tokens of a seed are these, on every machine", "[sampling]") {
    // Logits without rounding, so that nothing but the sampler decides. If this list changes, users' seeds change.
    std::vector<float> logits(97);
    for (std::size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>((i * 37) % 97) / 16;
    Sampler sampler({.temperature = 0.75f, .top_k = 60, .top_p = 0.9375f, .seed = 123456789}, 97);
    std::vector<Token> drawn;
    for (std::uint64_t position = 0; position < 16; ++position) drawn.push_back(sampler.sample(logits, {}, position).token);
    CHECK(drawn == std::vector<Token>{89, 76, 31, 73, 5, 68, 55, 5, 76, 34, 47, 91, 55, 10, 18, 52});
}

TEST_CASE("a repetition penalty divides positive and multiplies negative logits of tokens seen, once each", "[sampling]") {
    const std::vector<Token> seen{0, 2, 0, 0};
    CHECK(pick({.repetition_penalty = 2}, {4, 1.9f, 1}, seen) == 0);  // 4/2 = 2: once, not three times
    CHECK(pick({.repetition_penalty = 2}, {4, 2.1f, 1}, seen) == 1);
    CHECK(pick({.repetition_penalty = 2}, {-1, -1.9f, -5}, seen) == 1);  // −1·2 = −2
    CHECK(pick({.repetition_penalty = 2}, {-1, -2.1f, -5}, seen) == 0);
    CHECK(pick({.repetition_penalty = 0.5f}, {1, 1.9f, 0}, seen) == 0);  // below 1 it encourages
}

TEST_CASE("a presence penalty is subtracted from logits of tokens seen, once each", "[sampling]") {
    const std::vector<Token> seen{1, 1, 1};
    CHECK(pick({.presence_penalty = 1}, {2, 2.9f}, seen) == 0);
    CHECK(pick({.presence_penalty = 1}, {2, 3.1f}, seen) == 1);
    CHECK(pick({.presence_penalty = -1}, {2, 1.5f}, seen) == 1);
    CHECK(pick({.repetition_penalty = 2, .presence_penalty = 1}, {2, 5.9f}, seen) == 0);  // 5.9/2 − 1 < 2
}

TEST_CASE("only the last tokens of the penalty window count as seen", "[sampling]") {
    const std::vector<Token> seen{0, 1, 2};
    CHECK(pick({.presence_penalty = 10, .penalty_window = 2}, {3, 5, 4}, seen) == 0);
    CHECK(pick({.presence_penalty = 10, .penalty_window = 3}, {3, 5, 4}, seen) == 1);
    CHECK(pick({.presence_penalty = 10, .penalty_window = 99}, {3, 5, 4}, seen) == 1);
    CHECK(pick({.presence_penalty = 10, .penalty_window = 1}, {3, 5, 4}, seen) == 1);
    CHECK(pick({.presence_penalty = 10}, {3, 5, 4}, {}) == 1);
}

TEST_CASE("a sampler remembers nothing between calls", "[sampling]") {
    Sampler sampler({.presence_penalty = 10}, 3);
    const std::vector<float> logits{3, 5, 4};
    CHECK(sampler.sample(logits, std::vector<Token>{1}, 0).token == 2);
    CHECK(sampler.sample(logits, {}, 1).token == 1);
    CHECK(outcome_of([&] { (void)sampler.sample(logits, std::vector<Token>{1, 3}, 2); }).status == Status::invalid_argument);
    CHECK(sampler.sample(logits, std::vector<Token>{1}, 3).token == 2);
}

TEST_CASE("a logit bias is added, forbids and forces", "[sampling]") {
    SamplingOptions options;
    options.logit_bias = {{0, 1.5f}, {0, 1.5f}};
    CHECK(pick(options, {1, 3.9f}) == 0);
    options.logit_bias = {{1, -inf}};
    CHECK(pick(options, {1, 3.9f}) == 0);
    options.logit_bias = {{0, inf}};
    CHECK(pick(options, {-100, 100}) == 0);
    options.logit_bias = {{1, inf}};
    CHECK(pick(options, {-100, -inf}) == 0);  // what the model forbids stays forbidden
    options.temperature = 1;
    options.logit_bias = {{0, -inf}, {1, -inf}};
    CHECK(tally(options, {9, 9, 1}, 100) == std::map<Token, int>{{2, 100}});
}

TEST_CASE("an option out of range is refused by name", "[sampling]") {
    const auto refused = [](const char* option, const SamplingOptions& options) {
        const auto outcome = outcome_of([&] { Sampler(options, 10); });
        CAPTURE(option, outcome.line);
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(option));
    };
    for (const float bad : {-1.0f, nan_value, inf, -inf}) refused("temperature", {.temperature = bad});
    for (const std::int32_t bad : {-1, std::numeric_limits<std::int32_t>::min()}) refused("top_k", {.top_k = bad});
    for (const float bad : {-0.1f, 1.1f, nan_value, inf}) refused("top_p", {.top_p = bad});
    for (const float bad : {-0.1f, 1.1f, nan_value, inf}) refused("min_p", {.min_p = bad});
    for (const float bad : {0.0f, -1.0f, nan_value, inf}) refused("repetition_penalty", {.repetition_penalty = bad});
    for (const float bad : {nan_value, inf, -inf}) refused("presence_penalty", {.presence_penalty = bad});
    refused("penalty_window", {.penalty_window = -1});
    for (const Token bad : {-1, 10, std::numeric_limits<Token>::max()}) {
        SamplingOptions options;
        options.logit_bias = {{bad, 1.0f}};
        refused("logit_bias", options);
    }
    SamplingOptions options;
    options.logit_bias = {{1, nan_value}};
    refused("logit_bias", options);
    CHECK(outcome_of([] { Sampler({}, 0); }).says("vocab_size"));
    CHECK(outcome_of([] { Sampler({}, 10); }).ok());
}

TEST_CASE("logits of another size and tokens outside the vocabulary are refused by name", "[sampling]") {
    Sampler sampler({.repetition_penalty = 1.1f}, 3);
    CHECK(outcome_of([&] { (void)sampler.sample(std::vector<float>(2), {}, 0); }).says("logits"));
    CHECK(outcome_of([&] { (void)sampler.sample(std::vector<float>(4), {}, 0); }).says("logits"));
    CHECK(outcome_of([&] { (void)sampler.sample({}, {}, 0); }).says("logits"));
    for (const Token bad : {-1, 3}) CHECK(outcome_of([&] { (void)sampler.sample(std::vector<float>(3), std::vector<Token>{0, bad}, 0); }).says("seen"));
}
