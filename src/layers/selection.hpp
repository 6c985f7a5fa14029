#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace rorqual::layers {

/// The tokens that each query of one evaluation attends to, the same for all its heads; borrowed from whoever selected them.
struct Selection {
    const std::int32_t* tokens = nullptr;  ///< [T, most] ascending; nullptr: every query attends to all tokens up to itself
    std::int64_t most = 0;                 ///< a query attends to this many tokens, or to all up to itself where those are fewer
    std::int64_t first = 0;                ///< position of query 0

    [[nodiscard]] bool everything() const noexcept { return tokens == nullptr; }
    /// How many the query at a position attends to.
    [[nodiscard]] std::int64_t count(std::int64_t position) const noexcept { return std::min(most, position + 1); }
    /// Those of the query at a position.
    [[nodiscard]] std::span<const std::int32_t> of(std::int64_t position) const noexcept {
        return {tokens + (position - first) * most, static_cast<std::size_t>(count(position))};
    }
    /// Those among them that lie in [from, from + size).
    [[nodiscard]] std::span<const std::int32_t> within(std::int64_t position, std::int64_t from, std::int64_t size) const noexcept {
        const auto all = of(position);
        const auto begin = std::ranges::lower_bound(all, from), end = std::lower_bound(begin, all.end(), from + size);
        return {begin, end};
    }
};

}  // namespace rorqual::layers
