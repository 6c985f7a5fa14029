#pragma once

#include <algorithm>
#include <initializer_list>
#include <vector>

namespace rorqual::test {

/// Builds with a sanitizer look for other mistakes than wrong numbers, and take ten times as long: there a repetition finds nothing more.
inline constexpr bool sanitized = RQ_SANITIZED;

/// How often to repeat what another build repeats `count` times.
[[nodiscard]] constexpr int repeats(int count) { return sanitized ? std::max(1, count / 10) : count; }

/// Which of some variants to try: all, or the last alone.
template <class T>
[[nodiscard]] std::vector<T> variants(std::initializer_list<T> all) {
    return sanitized ? std::vector<T>{*std::prev(all.end())} : std::vector<T>(all);
}

}  // namespace rorqual::test
