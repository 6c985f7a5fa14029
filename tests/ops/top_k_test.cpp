#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "operands.hpp"
#include "ops/top_k/pick_top_k.hpp"
#include "rorqual/ops.hpp"
#include "support/outcome.hpp"

using namespace rorqual;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

std::vector<std::int32_t> ids_of(const std::vector<float>& row, std::int64_t k) {
    std::vector<std::int32_t> ids(static_cast<std::size_t>(k));
    ops::top_k({row.data(), 1, static_cast<std::int64_t>(row.size())}, k, ids, {});
    return ids;
}

}  // namespace

TEST_CASE("top_k equals a stable sort, for every k, on rows full of ties", "[ops][top_k]") {
    test::Values values(23);
    for (const std::int64_t cols : {1, 2, 7, 64, 257}) {
        std::vector<float> row = values.take(cols);
        for (float& v : row) v = std::round(v * 4);  // nine values: most are ties
        std::vector<std::int32_t> sorted(row.size());
        std::iota(sorted.begin(), sorted.end(), 0);
        std::stable_sort(sorted.begin(), sorted.end(), [&](auto a, auto b) { return row[static_cast<std::size_t>(a)] > row[static_cast<std::size_t>(b)]; });
        for (std::int64_t k = 0; k <= cols; ++k) {
            CAPTURE(cols, k);
            CHECK(ids_of(row, k) == std::vector<std::int32_t>(sorted.begin(), sorted.begin() + k));
        }
    }
}

TEST_CASE("top_k counts NaN as the least value and orders it by index among its equals", "[ops][top_k]") {
    CHECK(ids_of({not_a_number, 1, -inf, not_a_number, inf, -2}, 6) == std::vector<std::int32_t>{4, 1, 5, 0, 2, 3});
    CHECK(ids_of({not_a_number, not_a_number}, 1) == std::vector<std::int32_t>{0});
    CHECK(ids_of({0.0F, -0.0F}, 2) == std::vector<std::int32_t>{0, 1});
    std::vector<std::int32_t> ids(2);
    std::vector<float> values(2);
    const std::vector<float> row = {not_a_number, 5};
    ops::top_k({row.data(), 1, 2}, 2, ids, values);
    CHECK(values == std::vector<float>{5, -inf});
}

TEST_CASE("pick_top_k finds what top_k finds, in ascending order", "[ops][top_k]") {
    test::Values values(29);
    const auto expect_the_same = [](const std::vector<float>& row) {
        for (std::size_t k = 0; k <= row.size(); k += 1 + k / 9) {
            auto expected = ids_of(row, static_cast<std::int64_t>(k));
            std::ranges::sort(expected);
            std::vector<std::int32_t> ids(k);
            ops::pick_top_k(row, ids);
            CAPTURE(row.size(), k);
            CHECK(ids == expected);
        }
    };
    for (const std::int64_t cols : {1, 2, 7, 64, 1000}) {
        auto row = values.take(cols);
        expect_the_same(row);                       // few ties
        for (float& v : row) v = 1 + v * 0x1p-22F;  // told apart by their last bits alone
        expect_the_same(row);
        for (float& v : row) v = std::round((v - 1) * 0x1p24F);  // many ties, zeros of both signs among them
        for (std::size_t i = 0; i < row.size(); i += 3) row[i] = -row[i];
        expect_the_same(row);
    }
    expect_the_same({not_a_number, 1, -inf, not_a_number, inf, -2, 0.0F, -0.0F, 0x1p-149F, -0x1p-149F, inf});
    expect_the_same(std::vector<float>(40, -inf));
}

TEST_CASE("top_k takes each row for itself and returns the values beside the ids", "[ops][top_k]") {
    const std::vector<float> x = {1, 3, 2, 99, 6, 5, 4, 99};
    std::vector<std::int32_t> ids(4);
    std::vector<float> values(4);
    ops::top_k({x.data(), 2, 3, 4}, 2, ids, values);
    CHECK(ids == std::vector<std::int32_t>{1, 2, 0, 1});
    CHECK(values == std::vector<float>{3, 2, 6, 5});
}

TEST_CASE("top_k refuses a k beyond the columns and outputs of the wrong size", "[ops][top_k][hostile]") {
    const std::vector<float> x(6);
    const ConstRows rows(x.data(), 2, 3);
    std::vector<std::int32_t> ids(6);
    std::vector<float> values(6);
    const auto refused = [&](std::int64_t k, std::size_t id_count, std::size_t value_count, const char* operand) {
        const auto outcome = test::outcome_of([&] { ops::top_k(rows, k, std::span(ids).first(id_count), std::span(values).first(value_count)); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(operand));
    };
    refused(4, 6, 6, "k");
    refused(-1, 6, 6, "k");
    refused(2, 3, 4, "ids");
    refused(2, 4, 3, "values");
}
