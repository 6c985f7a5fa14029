// Q3_K: 256 weights in 110 bytes.  hmask[32] | qs[64] | scales[12] | d f16.  Sixteen groups of 16 weights with six-bit scales
// (− 32).  Low two bits as Q2_K; the third is a bit of hmask, and a missing one subtracts 4.  w = d·(sc − 32)·q
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q3_k(const std::byte* block, float* out) {
    const std::byte* hmask = block;
    const std::byte* qs = block + 32;
    const std::byte* scales = block + 96;
    const float d = half_at(block + 108);
    for (int group = 0; group < 16; ++group) {
        const int n = group / 8, s = group / 2 % 4, h = group % 2;
        // four low bits: byte group % 8, low nibbles for the first eight groups; two high bits: bytes 8–11
        const std::uint8_t low = byte_at(scales, group % 8);
        const int low4 = group < 8 ? low_nibble(low) : high_nibble(low);
        const int high2 = byte_at(scales, 8 + group % 4) >> (2 * (group / 4)) & 3;
        const float dl = d * static_cast<float>((low4 | high2 << 4) - 32);
        for (int l = 0; l < 16; ++l) {
            const int low2 = byte_at(qs, 32 * n + 16 * h + l) >> (2 * s) & 3;
            const bool high = (byte_at(hmask, 16 * h + l) >> (4 * n + s) & 1) != 0;
            out[16 * group + l] = dl * static_cast<float>(high ? low2 : low2 - 4);
        }
    }
}

}  // namespace rorqual::quant
