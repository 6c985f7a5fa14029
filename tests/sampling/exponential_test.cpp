#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "sampling/exponential.hpp"

using rorqual::sampling::exponential;

TEST_CASE("the exponential agrees with the C library's to two units in the last place", "[sampling]") {
    for (int i = 0; i < 400000; ++i) {
        const float x = -87.0f * static_cast<float>(i) / 400000 * static_cast<float>(i % 7 + 1) / 7;
        if (!(x > -87)) continue;
        const double expected = std::exp(double{x});
        const double unit = std::nextafter(static_cast<float>(expected), 2.0f) - static_cast<float>(expected);
        REQUIRE(std::abs(exponential(x) - expected) <= 2 * unit);
    }
}

TEST_CASE("the exponential of 0 is 1, of very small numbers and NaN 0", "[sampling]") {
    CHECK(exponential(0) == 1);
    CHECK(exponential(-0.0f) == 1);
    CHECK(exponential(-87) == 0);
    CHECK(exponential(-1e30f) == 0);
    CHECK(exponential(std::numeric_limits<float>::lowest()) == 0);
    CHECK(exponential(-std::numeric_limits<float>::infinity()) == 0);
    CHECK(exponential(std::numeric_limits<float>::quiet_NaN()) == 0);
    CHECK(exponential(std::nextafter(-87.0f, 0.0f)) > std::numeric_limits<float>::min());
    CHECK(exponential(-std::numeric_limits<float>::denorm_min()) == 1);
}
