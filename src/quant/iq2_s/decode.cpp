// IQ2_S: 256 weights in 82 bytes.  d f16 | qs[32] | signs[32] | qh[8] | scales[8].  Ten-bit grid rows: qs and two bits of qh;
// one sign byte a row; a nibble of scales serves 16 weights.  w = d·(½ + s)/4 · ±grid
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq2_s(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int row = 0; row < 32; ++row) {
        const int high = byte_at(block + 66, row / 4) >> (2 * (row % 4)) & 3;
        const std::uint16_t grid = iq2_s_grid[static_cast<std::size_t>(byte_at(block + 2, row) | high << 8)];
        const std::uint8_t signs = byte_at(block + 34, row);
        const std::uint8_t pair = byte_at(block + 74, row / 4);
        const int scale = row / 2 % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        const float dl = d * (0.5f + static_cast<float>(scale)) * 0.25f;
        for (int i = 0; i < 8; ++i) *out++ = dl * signed_by(iq2_magnitude(grid, i), signs, i);
    }
}

}  // namespace rorqual::quant
