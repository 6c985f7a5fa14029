// IQ3_XXS: 256 weights in 98 bytes.  d f16 | qs[64] | 8 × u32.  A byte of qs is a row of four weights; a u32 holds the signs of
// 32 weights (four seven-bit codes of eight) and a four-bit scale on top.  w = d·(½ + s)/2 · ±grid
#include "quant/decode.hpp"
#include "quant/grids.hpp"

namespace rorqual::quant {

void decode_iq3_xxs(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int group = 0; group < 8; ++group) {
        const std::uint32_t signs_and_scale = u32_at(block + 66 + 4 * group);
        const float dl = d * (0.5f + static_cast<float>(signs_and_scale >> 28)) * 0.5f;
        for (int i = 0; i < 32; ++i) {
            const std::uint16_t grid = iq3_xxs_grid[byte_at(block + 2, 8 * group + i / 4)];
            const std::uint8_t signs = even_signs(signs_and_scale >> (7 * (i / 8)));
            *out++ = dl * signed_by(iq3_xxs_magnitude(grid, i % 4), signs, i % 8);
        }
    }
}

}  // namespace rorqual::quant
