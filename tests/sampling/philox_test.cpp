#include <array>
#include <cmath>
#include <cstdint>

#include <catch2/catch.hpp>

#include "sampling/philox.hpp"

using rorqual::sampling::philox4x32;
using rorqual::sampling::uniform;
using Words = std::array<std::uint32_t, 4>;

TEST_CASE("Philox4x32-10 gives the known answers of its authors' library", "[sampling][philox]") {
    // Random123, tests/kat_vectors: zeros, ones, and the digits of pi.
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) == Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    CHECK(philox4x32({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}) == Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the random number of a draw depends on all bits of seed and position", "[sampling][philox]") {
    const double start = uniform(7, 11);
    CHECK(uniform(7, 11) == start);
    for (int bit = 0; bit < 64; ++bit) {
        CHECK(uniform(7 ^ std::uint64_t{1} << bit, 11) != start);
        CHECK(uniform(7, 11 ^ std::uint64_t{1} << bit) != start);
    }
}

TEST_CASE("random numbers of consecutive positions are uniform in [0, 1)", "[sampling][philox]") {
    constexpr int cells = 64, draws = 64 * 1024;
    std::array<int, cells> hits{};
    for (int position = 0; position < draws; ++position) {
        const double u = uniform(42, static_cast<std::uint64_t>(position));
        REQUIRE(u >= 0);
        REQUIRE(u < 1);
        ++hits[static_cast<std::size_t>(u * cells)];
    }
    double chi_square = 0;
    for (const int n : hits) chi_square += std::pow(n - draws / cells, 2) / (draws / cells);
    CHECK(chi_square < 120);  // 63 degrees of freedom: exceeded once in 20,000 seeds; this one is fixed
}
