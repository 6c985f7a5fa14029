// Q4_K: 256 weights in 144 bytes.  d f16 | dmin f16 | scales[12] | qs[128].  Eight groups of 32 weights; bytes 32p … 32p+31 of qs
// hold group 2p in their low nibbles and group 2p+1 in their high ones.  w = d·sc·q − dmin·mn
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::quant {

void decode_q4_k(const std::byte* block, float* out) {
    const float d = half_at(block);
    const float dmin = half_at(block + 2);
    const std::byte* qs = block + 16;
    for (int group = 0; group < 8; ++group) {
        const auto [scale, min] = k_scale_min(block + 4, group);
        const float dl = d * static_cast<float>(scale);
        const float ml = dmin * static_cast<float>(min);
        for (int l = 0; l < 32; ++l) {
            const std::uint8_t both = byte_at(qs, 32 * (group / 2) + l);
            out[32 * group + l] = dl * static_cast<float>(group % 2 == 0 ? low_nibble(both) : high_nibble(both)) - ml;
        }
    }
}

}  // namespace rorqual::quant
