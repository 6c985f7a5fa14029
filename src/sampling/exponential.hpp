#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

namespace rorqual::sampling {

/// e^x for x ≤ 0, to a few units in the last place, with the same bits on every machine: additions, multiplications and
/// one floor, where the C library's exp may differ in the last bit and with it the token drawn. Below −708, where the result
/// would leave the normal numbers, and for NaN: 0.
inline double exponential(double x) noexcept {
    if (!(x > -708)) return 0;
    // x = k·ln 2 + r with |r| ≤ ln 2 / 2. The high part of ln 2 ends in zeros, so that k·high is exact.
    constexpr double log2_e = 0x1.71547652b82fep0, ln2_high = 0x1.62e42fee00000p-1, ln2_low = 0x1.a39ef35793c76p-33;
    const double k = std::floor(x * log2_e + 0.5);
    const double r = (x - k * ln2_high) - k * ln2_low;
    // Taylor's series up to r¹³: what is left out is below 2⁻⁵⁷ of the sum.
    double sum = 0;
    for (const double coefficient : {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                                     1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0}) {
        sum = sum * r + coefficient;
    }
    return sum * std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023) << 52);
}

}  // namespace rorqual::sampling
