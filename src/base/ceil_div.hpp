#pragma once

#include <cstdint>

namespace rorqual {

/// How many pieces of `size` hold `count` things: ⌈count / size⌉. count ≥ 0, size ≥ 1; count + size fits.
[[nodiscard]] constexpr std::int64_t ceil_div(std::int64_t count, std::int64_t size) noexcept { return (count + size - 1) / size; }

}  // namespace rorqual
