// Q5_0: 32 weights in 22 bytes.  d f16 | qh u32 | qs[16].  Nibbles as Q4_0; bit i of qh is the fifth bit of weight i.  w = d·(q − 16)
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q5_0(const std::byte* block, float* out) {
    const float d = half_at(block);
    const std::uint32_t qh = u32_at(block + 2);
    const std::byte* qs = block + 6;
    for (int j = 0; j < 16; ++j) {
        const int low = low_nibble(byte_at(qs, j)) | static_cast<int>(qh >> j & 1) << 4;
        const int high = high_nibble(byte_at(qs, j)) | static_cast<int>(qh >> (j + 16) & 1) << 4;
        out[j] = d * static_cast<float>(low - 16);
        out[j + 16] = d * static_cast<float>(high - 16);
    }
}

}  // namespace rorqual::quant
