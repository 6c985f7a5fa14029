#include "layers/hadamard.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>

#include "support/random_values.hpp"
#include "tolerance.hpp"

using namespace rorqual;

namespace {

std::vector<float> transformed(std::vector<float> x) {
    layers::hadamard(x, static_cast<std::int64_t>(x.size()));
    return x;
}

double product(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += double{a[i]} * b[i];
    return sum;
}

}  // namespace

TEST_CASE("a Hadamard transform is its definition", "[layers][hadamard]") {
    for (const std::size_t d : {1U, 2U, 4U, 32U, 128U}) {
        const auto x = test::random_values(d, 1), y = transformed(x);
        for (std::size_t i = 0; i < d; ++i) {
            double sum = 0, size = 0;
            for (std::size_t j = 0; j < d; ++j) {
                sum += std::popcount(i & j) % 2 == 0 ? double{x[j]} : -double{x[j]};
                size += std::abs(double{x[j]});
            }
            const double scale = 1 / std::sqrt(static_cast<double>(d));
            CHECK(std::abs(y[i] - sum * scale) <= tolerance::f32_dot(static_cast<std::int64_t>(d)) * size * scale);
        }
    }
}

TEST_CASE("a Hadamard transform of two vectors leaves their product and makes one of a single value even", "[layers][hadamard]") {
    for (const std::size_t d : {2U, 32U, 128U}) {
        const auto a = test::random_values(d, 2), b = test::random_values(d, 3);
        const double size = std::sqrt(product(a, a) * product(b, b));
        CHECK(std::abs(product(transformed(a), transformed(b)) - product(a, b)) <= 3 * tolerance::f32_dot(static_cast<std::int64_t>(d)) * size);
        std::vector<float> peak(d);
        peak[d / 2] = 8;
        for (const float v : transformed(peak)) CHECK(std::abs(v) == Approx(8 / std::sqrt(static_cast<double>(d))));
    }
}

TEST_CASE("a Hadamard transform of vectors side by side is that of each", "[layers][hadamard]") {
    auto both = test::random_values(64, 4);
    const auto first = transformed({both.begin(), both.begin() + 32}), second = transformed({both.begin() + 32, both.end()});
    layers::hadamard(both, 32);
    CHECK(std::ranges::equal(std::span(both).first(32), first));
    CHECK(std::ranges::equal(std::span(both).last(32), second));
}
