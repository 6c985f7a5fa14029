// IQ1_M: 256 weights in 56 bytes.  qs[32] | qh[16] | scales[4] u16.  Rows as IQ1_S: a nibble of qh holds three index bits and the sign
// of the shift. Three-bit scales of 16 weights fill the low twelve bits of each u16; their top nibbles together are d, an f16.
// w = d·(2s + 1)·(grid ± ⅛)
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq1_m(const std::byte* block, float* out) {
    const std::byte* scales = block + 48;
    std::uint16_t d_bits = 0;
    for (int i = 0; i < 4; ++i) d_bits = static_cast<std::uint16_t>(d_bits | (u16_at(scales + 2 * i) >> 12) << (4 * i));
    const float d = f32_from_f16(d_bits);
    for (int row = 0; row < 32; ++row) {
        const std::uint8_t pair = byte_at(block + 32, row / 2);
        const int nibble = row % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        const std::uint16_t grid = iq1_grid[static_cast<std::size_t>(byte_at(block, row) | (nibble & 7) << 8)];
        const int group = row / 2;
        const int scale = u16_at(scales + 2 * (group / 4)) >> (3 * (group % 4)) & 7;
        const float dl = d * static_cast<float>(2 * scale + 1);
        const float shift = (nibble & 8) != 0 ? -0.125f : 0.125f;
        for (int i = 0; i < 8; ++i) *out++ = dl * (iq1_value(grid, i) + shift);
    }
}

}  // namespace rorqual::quant
