// IQ3_S: 256 weights in 110 bytes.  d f16 | qs[64] | qh[8] | signs[32] | scales[4].  Nine-bit rows of four weights: qs and one bit
// of qh; one sign bit a weight; a nibble of scales serves 32 weights.  w = d·(1 + 2s) · ±grid
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq3_s(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int row = 0; row < 64; ++row) {
        const int high = byte_at(block + 66, row / 8) >> (row % 8) & 1;
        const std::uint16_t grid = iq3_s_grid[static_cast<std::size_t>(byte_at(block + 2, row) | high << 8)];
        const std::uint8_t pair = byte_at(block + 106, row / 16);
        const int scale = row / 8 % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        const float dl = d * static_cast<float>(1 + 2 * scale);
        const std::uint8_t signs = byte_at(block + 74, row / 2);
        for (int i = 0; i < 4; ++i) *out++ = dl * signed_by(iq3_s_magnitude(grid, i), signs, 4 * (row % 2) + i);
    }
}

}  // namespace rorqual::quant
