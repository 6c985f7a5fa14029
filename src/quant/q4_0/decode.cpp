// Q4_0: 32 weights in 18 bytes.  d f16 | qs[16].  Low nibbles are weights 0–15, high nibbles 16–31.  w = d·(q − 8)
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q4_0(const std::byte* block, float* out) {
    const float d = half_at(block);
    const std::byte* qs = block + 2;
    for (int j = 0; j < 16; ++j) {
        out[j] = d * static_cast<float>(low_nibble(byte_at(qs, j)) - 8);
        out[j + 16] = d * static_cast<float>(high_nibble(byte_at(qs, j)) - 8);
    }
}

}  // namespace rorqual::quant
