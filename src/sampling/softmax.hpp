#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

#include "sampling/exponential.hpp"

namespace rorqual::sampling {

/// Logits are taken in blocks of a fixed size: loops over them become vector code on every compiler.
inline constexpr std::size_t block_size = 64;
using Block = std::array<float, block_size>;

/// The numerators of a softmax with temperature: e^((logit − largest) / temperature). 1 for the largest, also where that is
/// +∞; 0 for −∞ and NaN.
class Softmax {
 public:
    Softmax(float largest, float temperature) noexcept : largest_(largest), temperature_(temperature) {}

    [[nodiscard]] float weight(float logit) const noexcept {
        return choose(logit == largest_, 1.0f, exponential((logit - largest_) / temperature_));
    }

    /// Weights of the logits [first, first + block_size); 0 behind the last.
    [[nodiscard]] Block weights(std::span<const float> logits, std::size_t first) const noexcept {
        Block block;
        if (first + block_size <= logits.size()) {
            std::copy_n(logits.begin() + static_cast<std::ptrdiff_t>(first), block_size, block.begin());
        } else {
            block.fill(-std::numeric_limits<float>::infinity());
            std::copy(logits.begin() + static_cast<std::ptrdiff_t>(first), logits.end(), block.begin());
        }
        for (float& value : block) value = weight(value);
        return block;
    }

    /// The sum of all weights, in double and in one order: eight sums, of every eighth logit, then those one after another.
    [[nodiscard]] double total(std::span<const float> logits) const noexcept {
        std::array<double, 8> sums{};
        for (std::size_t first = 0; first < logits.size(); first += block_size) {
            const Block block = weights(logits, first);
            for (std::size_t i = 0; i < block_size; i += 8) {
                for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += static_cast<double>(block[i + lane]);
            }
        }
        double total = 0;
        for (const double sum : sums) total += sum;
        return total;
    }

 private:
    float largest_;
    float temperature_;
};

}  // namespace rorqual::sampling
