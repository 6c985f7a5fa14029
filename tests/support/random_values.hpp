#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

namespace rorqual::test {

/// Normally distributed values, the same for a seed.
[[nodiscard]] inline std::vector<float> random_values(std::size_t count, std::uint32_t seed, float scale = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(count);
    for (float& value : values) value = normal(random);
    return values;
}

}  // namespace rorqual::test
