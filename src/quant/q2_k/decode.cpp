// Q2_K: 256 weights in 84 bytes.  scales[16] | qs[64] | d f16 | dmin f16.  Sixteen groups of 16 weights; the low nibble of a
// group's byte scales, the high one is its minimum.  w = d·sc·q − dmin·mn
// Half n, shift s, sub-half h: weight 128n + 16s + 16h + l (s = 0, 2, 4, 6) is bits s, s+1 of qs[32n + 16h + l].
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q2_k(const std::byte* block, float* out) {
    const std::byte* scales = block;
    const std::byte* qs = block + 16;
    const float d = half_at(block + 80);
    const float dmin = half_at(block + 82);
    for (int group = 0; group < 16; ++group) {
        const int n = group / 8, s = group / 2 % 4, h = group % 2;
        const std::uint8_t scale = byte_at(scales, group);
        const float dl = d * static_cast<float>(low_nibble(scale));
        const float ml = dmin * static_cast<float>(high_nibble(scale));
        for (int l = 0; l < 16; ++l) {
            const int q = byte_at(qs, 32 * n + 16 * h + l) >> (2 * s) & 3;
            out[16 * group + l] = dl * static_cast<float>(q) - ml;
        }
    }
}

}  // namespace rorqual::quant
