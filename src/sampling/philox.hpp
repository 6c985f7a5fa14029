#pragma once

#include <array>
#include <cstdint>

namespace rorqual::sampling {

/// Philox4x32-10: ten rounds of a keyed bijection turn a counter into 128 random bits.
/// J. K. Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3" (SC '11), §3.3 and table 2.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) noexcept;

/// The random number of one draw: a multiple of 2⁻⁵³ in [0, 1) that depends on seed and position alone.
[[nodiscard]] double uniform(std::uint64_t seed, std::uint64_t position) noexcept;

}  // namespace rorqual::sampling
