#include "sampling/candidates.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <catch2/catch.hpp>

#include "sampling/softmax.hpp"

using namespace rorqual;
using rorqual::sampling::Candidates;
using rorqual::sampling::Softmax;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();

/// Ids of the logits that weigh more than nothing, largest first, equal ones by id.
std::vector<Token> definition(const std::vector<float>& logits, float largest, float temperature) {
    std::vector<Token> ids;
    const Softmax softmax(largest, temperature);
    for (std::size_t id = 0; id < logits.size(); ++id) {
        if (softmax.weight(logits[id]) > 0) ids.push_back(static_cast<Token>(id));
    }
    std::ranges::stable_sort(ids, [&](Token a, Token b) { return logits[static_cast<std::size_t>(a)] > logits[static_cast<std::size_t>(b)]; });
    return ids;
}

void check(const std::vector<float>& logits, float temperature) {
    float largest = -inf;
    for (const float logit : logits) largest = logit > largest ? logit : largest;
    const auto expected = definition(logits, largest, temperature);
    std::vector<std::uint64_t> room;
    Candidates candidates(logits, largest, temperature, room);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(temperature, i);
        REQUIRE(candidates.has(i));
        REQUIRE(candidates[i] == expected[i]);
    }
    const Softmax softmax(largest, temperature);
    for (std::size_t i = expected.size(); candidates.has(i); ++i) {
        REQUIRE(softmax.weight(logits[static_cast<std::size_t>(candidates[i])]) == 0);
    }
}

}  // namespace

TEST_CASE("candidates come by descending logit and ascending id, over all bands", "[sampling]") {
    std::mt19937 random(1);
    for (const float spread : {0.1f, 3.0f, 40.0f, 1000.0f}) {
        for (const float temperature : {0.01f, 0.7f, 1.0f, 5.0f, 1e30f}) {
            std::normal_distribution<float> normal(0, spread);
            std::vector<float> logits(501);
            for (float& logit : logits) logit = std::round(normal(random) * 8) / 8;  // with ties
            check(logits, temperature);
        }
    }
}

TEST_CASE("candidates are defined for logits of every kind", "[sampling]") {
    const float nan_value = std::numeric_limits<float>::quiet_NaN(), most = std::numeric_limits<float>::max();
    for (const float temperature : {std::numeric_limits<float>::denorm_min(), 1.0f, most}) {
        check({0.0f, -0.0f, 0.0f, -0.0f}, temperature);
        check({nan_value, 1, -inf, 2, nan_value, 1}, temperature);
        check({1, inf, most, inf, -most, nan_value}, temperature);
        check({most, -most, 0, most}, temperature);
        check({-most, -most}, temperature);
        check({std::numeric_limits<float>::denorm_min(), 0, -std::numeric_limits<float>::denorm_min()}, temperature);
    }
}

TEST_CASE("weights of whole blocks and their sum are those of single logits", "[sampling]") {
    std::mt19937 random(2);
    std::normal_distribution<float> normal(0, 10);
    for (const std::size_t size : {1, 7, 63, 64, 65, 128, 1000}) {
        std::vector<float> logits(size);
        for (float& logit : logits) logit = normal(random);
        const Softmax softmax(*std::ranges::max_element(logits), 1.5f);
        double sum = 0;
        for (std::size_t first = 0; first < size; first += sampling::block_size) {
            const auto block = softmax.weights(logits, first);
            for (std::size_t i = 0; i < block.size(); ++i) {
                const float expected = first + i < size ? softmax.weight(logits[first + i]) : 0;
                REQUIRE(block[i] == expected);
                sum += static_cast<double>(expected);
            }
        }
        CHECK(softmax.total(logits) == Approx(sum));
    }
}
