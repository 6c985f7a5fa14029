#include "quant/fp4_pairs.hpp"

namespace rorqual::quant {

// A block of MXFP4 holds weight j in the low nibble of byte j and weight j + 16 in its high one.
void mxfp4_from_pairs(std::span<const std::byte> codes, std::span<const std::byte> scales, std::span<std::byte> out) noexcept {
    constexpr std::size_t half = fp4_block / 2, block = half + 1;
    const auto code = [&](std::size_t i) { return i % 2 == 0 ? codes[i / 2] & std::byte{15} : codes[i / 2] >> 4; };
    for (std::size_t b = 0; b < scales.size(); ++b) {
        std::byte* const to = out.data() + b * block;
        to[0] = scales[b];
        for (std::size_t j = 0; j < half; ++j) {
            const auto first = b * fp4_block + j;
            to[1 + j] = code(first) | code(first + half) << 4;
        }
    }
}

}  // namespace rorqual::quant
