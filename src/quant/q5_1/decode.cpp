// Q5_1: 32 weights in 24 bytes.  d f16 | m f16 | qh u32 | qs[16].  Nibbles as Q4_0; bit i of qh is the fifth bit of weight i.  w = d·q + m
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q5_1(const std::byte* block, float* out) {
    const float d = half_at(block);
    const float m = half_at(block + 2);
    const std::uint32_t qh = u32_at(block + 4);
    const std::byte* qs = block + 8;
    for (int j = 0; j < 16; ++j) {
        const int low = low_nibble(byte_at(qs, j)) | static_cast<int>(qh >> j & 1) << 4;
        const int high = high_nibble(byte_at(qs, j)) | static_cast<int>(qh >> (j + 16) & 1) << 4;
        out[j] = d * static_cast<float>(low) + m;
        out[j + 16] = d * static_cast<float>(high) + m;
    }
}

}  // namespace rorqual::quant
