#include <cmath>
#include <limits>

#include <catch2/catch.hpp>

#include "sampling/exponential.hpp"

using rorqual::sampling::exponential;

TEST_CASE("the exponential agrees with the C library's to four units in the last place", "[sampling]") {
    for (int i = 0; i < 200000; ++i) {
        const double x = -708.0 * i / 200000 * (i % 7 + 1) / 7;
        if (!(x > -708)) continue;
        const double expected = std::exp(x);
        const double unit = std::nextafter(expected, 2.0) - expected;
        REQUIRE(std::abs(exponential(x) - expected) <= 4 * unit);
    }
}

TEST_CASE("the exponential of 0 is 1, of very small numbers and NaN 0", "[sampling]") {
    CHECK(exponential(0) == 1);
    CHECK(exponential(-0.0) == 1);
    CHECK(exponential(-708) == 0);
    CHECK(exponential(-1e300) == 0);
    CHECK(exponential(-std::numeric_limits<double>::infinity()) == 0);
    CHECK(exponential(std::numeric_limits<double>::quiet_NaN()) == 0);
    CHECK(exponential(std::nextafter(-708.0, 0.0)) > 0);
}

TEST_CASE("the exponential never falls where its argument rises", "[sampling]") {
    double previous = 0;
    for (int i = -70000; i <= 0; ++i) {
        const double value = exponential(i / 100.0);
        REQUIRE(value > previous);
        previous = value;
    }
}
