// Q4_1: 32 weights in 20 bytes.  d f16 | m f16 | qs[16].  Low nibbles are weights 0–15, high nibbles 16–31.  w = d·q + m
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q4_1(const std::byte* block, float* out) {
    const float d = half_at(block);
    const float m = half_at(block + 2);
    const std::byte* qs = block + 4;
    for (int j = 0; j < 16; ++j) {
        out[j] = d * static_cast<float>(low_nibble(byte_at(qs, j))) + m;
        out[j + 16] = d * static_cast<float>(high_nibble(byte_at(qs, j))) + m;
    }
}

}  // namespace rorqual::quant
