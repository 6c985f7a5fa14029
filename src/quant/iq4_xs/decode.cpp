// IQ4_XS: 256 weights in 136 bytes.  d f16 | scales_h u16 | scales_l[4] | qs[128].  Eight groups of 32 weights, each coded as
// IQ4_NL; six-bit scales (− 32): nibble g of scales_l and bits 2g, 2g+1 of scales_h.  w = d·(ls − 32)·K[q]
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::quant {

void decode_iq4_xs(const std::byte* block, float* out) {
    const float d = half_at(block);
    const std::uint16_t high = u16_at(block + 2);
    for (int group = 0; group < 8; ++group) {
        const std::uint8_t pair = byte_at(block + 4, group / 2);
        const int low4 = group % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        const float dl = d * static_cast<float>((low4 | (high >> (2 * group) & 3) << 4) - 32);
        const std::byte* qs = block + 8 + 16 * group;
        for (int j = 0; j < 16; ++j) {
            out[32 * group + j] = dl * static_cast<float>(iq4_values[low_nibble(byte_at(qs, j))]);
            out[32 * group + j + 16] = dl * static_cast<float>(iq4_values[high_nibble(byte_at(qs, j))]);
        }
    }
}

}  // namespace rorqual::quant
