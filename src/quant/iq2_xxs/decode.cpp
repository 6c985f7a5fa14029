// IQ2_XXS: 256 weights in 66 bytes.  d f16 | 8 × { 4 index bytes, u32 }.  A group of 32 weights is four grid rows; the u32 holds
// four seven-bit sign codes and, on top, a four-bit scale.  w = d·(½ + s)/4 · ±grid
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq2_xxs(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int group = 0; group < 8; ++group) {
        const std::byte* indices = block + 2 + 8 * group;
        const std::uint32_t signs_and_scale = u32_at(indices + 4);
        const float dl = d * (0.5f + static_cast<float>(signs_and_scale >> 28)) * 0.25f;
        for (int row = 0; row < 4; ++row) {
            const std::uint16_t grid = iq2_xxs_grid[byte_at(indices, row)];
            const std::uint8_t signs = even_signs(signs_and_scale >> (7 * row));
            for (int i = 0; i < 8; ++i) *out++ = dl * signed_by(iq2_magnitude(grid, i), signs, i);
        }
    }
}

}  // namespace rorqual::quant
