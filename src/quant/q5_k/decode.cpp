// Q5_K: 256 weights in 176 bytes.  d f16 | dmin f16 | scales[12] | qh[32] | qs[128].  As Q4_K; bit g of qh[l] is the fifth bit of
// weight l of group g.  w = d·sc·q − dmin·mn
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::quant {

void decode_q5_k(const std::byte* block, float* out) {
    const float d = half_at(block);
    const float dmin = half_at(block + 2);
    const std::byte* qh = block + 16;
    const std::byte* qs = block + 48;
    for (int group = 0; group < 8; ++group) {
        const auto [scale, min] = k_scale_min(block + 4, group);
        const float dl = d * static_cast<float>(scale);
        const float ml = dmin * static_cast<float>(min);
        for (int l = 0; l < 32; ++l) {
            const std::uint8_t both = byte_at(qs, 32 * (group / 2) + l);
            const int low4 = group % 2 == 0 ? low_nibble(both) : high_nibble(both);
            const int fifth = byte_at(qh, l) >> group & 1;
            out[32 * group + l] = dl * static_cast<float>(low4 | fifth << 4) - ml;
        }
    }
}

}  // namespace rorqual::quant
