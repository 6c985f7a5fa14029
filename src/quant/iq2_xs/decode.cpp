// IQ2_XS: 256 weights in 74 bytes.  d f16 | qs[32] u16 | scales[8].  A u16 is a nine-bit grid row and a seven-bit sign code; a
// nibble of scales serves 16 weights.  w = d·(½ + s)/4 · ±grid
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq2_xs(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int row = 0; row < 32; ++row) {
        const std::uint16_t q = u16_at(block + 2 + 2 * row);
        const std::uint8_t pair = byte_at(block + 66, row / 4);
        const int scale = row / 2 % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        const float dl = d * (0.5f + static_cast<float>(scale)) * 0.25f;
        const std::uint16_t grid = iq2_xs_grid[q & 511];
        const std::uint8_t signs = even_signs(static_cast<std::uint32_t>(q) >> 9);
        for (int i = 0; i < 8; ++i) *out++ = dl * signed_by(iq2_magnitude(grid, i), signs, i);
    }
}

}  // namespace rorqual::quant
