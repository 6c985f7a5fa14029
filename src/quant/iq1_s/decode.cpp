// IQ1_S: 256 weights in 50 bytes.  d f16 | qs[32] | qh[8] u16.  A group of 32 weights is four rows of eight ternary values, eleven
// bits each: qs and three bits of qh. Bits 12–14 of qh scale, bit 15 is the sign of a shift of ⅛.  w = d·(2s + 1)·(grid ± ⅛)
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq1_s(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int row = 0; row < 32; ++row) {
        const std::uint16_t qh = u16_at(block + 34 + 2 * (row / 4));
        const int high = qh >> (3 * (row % 4)) & 7;
        const std::uint16_t grid = iq1_grid[static_cast<std::size_t>(byte_at(block + 2, row) | high << 8)];
        const float dl = d * static_cast<float>(2 * (qh >> 12 & 7) + 1);
        const float shift = (qh & 0x8000) != 0 ? -0.125f : 0.125f;
        for (int i = 0; i < 8; ++i) *out++ = dl * (iq1_value(grid, i) + shift);
    }
}

}  // namespace rorqual::quant
