// TQ2_0: 256 ternary weights in 66 bytes.  qs[64] | d f16.  Each 32 bytes give 128 weights: bits 0–1 of all, then bits 2–3, …
// w = d·(q − 1)
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_tq2_0(const std::byte* block, float* out) {
    const float d = half_at(block + 64);
    for (int half = 0; half < 2; ++half) {
        for (int shift = 0; shift < 8; shift += 2) {
            for (int i = 0; i < 32; ++i) *out++ = d * static_cast<float>((byte_at(block, 32 * half + i) >> shift & 3) - 1);
        }
    }
}

}  // namespace rorqual::quant
