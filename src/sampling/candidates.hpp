#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::sampling {

/// A logit and its token as one number: smaller numbers are larger logits, equal logits go by ascending id. Not for NaN.
[[nodiscard]] inline std::uint64_t rank(float logit, Token token) noexcept {
    // The bits of floats, read as numbers, ascend from +0 up and descend from −0 down; −0 counts as +0.
    const auto bits = std::bit_cast<std::uint32_t>(logit + 0.0f);
    const std::uint32_t ascending = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return std::uint64_t{~ascending} << 32 | static_cast<std::uint32_t>(token);
}

/// The tokens of a draw from the largest logit to the smallest, equal ones by ascending id. Those so far below the largest that
/// their weight is 0 need not be among them. Sorted only as far as somebody looks, for a draw rarely goes beyond the first few
/// of a hundred thousand: a band of logits is gathered and sorted when its turn comes, the next one reaches twice as far down.
class Candidates {
 public:
    /// Borrows logits [vocab], of which `largest` is the largest, and room for as many ranks.
    Candidates(std::span<const float> logits, float largest, float temperature, std::vector<std::uint64_t>& room) noexcept
        : logits_(logits), ranks_(room), largest_(largest), temperature_(temperature) {
        ranks_.clear();
    }
    Candidates(const Candidates&) = delete;
    Candidates& operator=(const Candidates&) = delete;

    /// True if there is an i-th largest.
    [[nodiscard]] bool has(std::size_t i) {
        while (i >= ranks_.size() && reach_ < weightless) gather();
        return i < ranks_.size();
    }
    /// The i-th largest; has(i).
    [[nodiscard]] Token operator[](std::size_t i) const noexcept { return static_cast<Token>(static_cast<std::uint32_t>(ranks_[i])); }

 private:
    static constexpr float weightless = 88;  // e^-88 is 0 for exponential()

    void gather() {
        reach_ = reach_ == 0 ? 5.5f : 2 * reach_;  // 5.5, 11, … 88
        // At most the largest float, so that +∞ stays what it is.
        const float from = largest_ - std::min(reach_ * temperature_, std::numeric_limits<float>::max());
        const std::size_t sorted = ranks_.size();
        for (std::size_t id = 0; id < logits_.size(); ++id) {
            const float logit = logits_[id];
            if (logit >= from && !(logit >= gathered_from_)) ranks_.push_back(rank(logit, static_cast<Token>(id)));
        }
        std::sort(ranks_.begin() + static_cast<std::ptrdiff_t>(sorted), ranks_.end());
        gathered_from_ = from;
    }

    std::span<const float> logits_;
    std::vector<std::uint64_t>& ranks_;  // sorted
    float largest_;
    float temperature_;
    float reach_ = 0;                                                // of the bands gathered, below the largest, in units of the temperature
    float gathered_from_ = std::numeric_limits<float>::quiet_NaN();  // no logit is above NaN
};

}  // namespace rorqual::sampling
