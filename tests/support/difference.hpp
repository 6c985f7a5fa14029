#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>

#include <catch2/catch.hpp>

namespace rorqual::test {

/// The largest difference, relative to the largest magnitude expected.
[[nodiscard]] inline double difference(std::span<const float> got, std::span<const float> expected) {
    REQUIRE(got.size() == expected.size());
    double most = 0, largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        most = std::max(most, std::abs(double{got[i]} - expected[i]));
        largest = std::max(largest, std::abs(double{expected[i]}));
    }
    return most / largest;
}

}  // namespace rorqual::test
