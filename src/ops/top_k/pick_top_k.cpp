#include "ops/top_k/pick_top_k.hpp"

#include <array>
#include <bit>
#include <limits>
#include <numeric>

namespace rorqual::ops {
namespace {

/// Ordered as the values are: both zeros are one, NaN is −∞.
std::uint32_t key_of(float value) noexcept {
    constexpr std::uint32_t sign = 0x8000'0000U;
    if (value != value) value = -std::numeric_limits<float>::infinity();
    const auto bits = std::bit_cast<std::uint32_t>(value + 0.0f);
    return bits & sign ? ~bits : bits | sign;
}

/// Keys above `key` are picked, and the first `equal` of those equal to it in the bits of `mask`.
struct Threshold {
    std::uint32_t key = 0, mask = 0;
    std::int64_t equal = 0;
};

/// Settles the `bits` bits of the threshold above `shift`, of which all above them are known: counts what keys have there, and walks down from the
/// largest until enough are found. True if everything that is equal so far is to be picked.
template <int shift, int bits>
bool settle(std::span<const float> row, Threshold& threshold) noexcept {
    constexpr std::uint32_t last = (1U << bits) - 1;
    std::array<std::int32_t, last + 1> counts{};
    for (const float value : row) {
        const auto key = key_of(value);
        counts[key >> shift & last] += (key & threshold.mask) == threshold.key;
    }
    std::uint32_t digit = last;
    for (; counts[digit] < threshold.equal; --digit) threshold.equal -= counts[digit];
    threshold.key |= digit << shift;
    threshold.mask |= last << shift;
    return counts[digit] == threshold.equal;
}

}  // namespace

void pick_top_k(std::span<const float> row, std::span<std::int32_t> ids) noexcept {
    if (ids.size() == row.size()) return std::iota(ids.begin(), ids.end(), 0);
    if (ids.empty()) return;
    Threshold threshold{.equal = static_cast<std::int64_t>(ids.size())};
    static_cast<void>(settle<21, 11>(row, threshold) || settle<10, 11>(row, threshold) || settle<0, 10>(row, threshold));
    std::size_t picked = 0;
    for (std::size_t i = 0; picked < ids.size(); ++i) {
        const auto key = key_of(row[i]) & threshold.mask;
        const bool equal = key == threshold.key;
        ids[picked] = static_cast<std::int32_t>(i);
        picked += key > threshold.key || (equal && threshold.equal > 0);
        threshold.equal -= equal;
    }
}

}  // namespace rorqual::ops
