// MXFP4: 32 weights in 17 bytes.  e u8 | qs[16].  Order as Q4_0; nibbles are FP4 E2M1, e is E8M0.  w = 2^(e−127)·E2M1(q)
// OCP Microscaling Formats v1.0, §5.2.
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"
#include "quant/codebooks.hpp"
#include "quant/float8.hpp"

namespace rorqual::quant {

void decode_mxfp4(const std::byte* block, float* out) {
    const float d = 0.5f * f8_e8m0_values[byte_at(block, 0)];  // the table holds doubled values
    for (int j = 0; j < 16; ++j) {
        const std::uint8_t both = byte_at(block + 1, j);
        out[j] = d * static_cast<float>(e2m1_doubled[low_nibble(both)]);
        out[j + 16] = d * static_cast<float>(e2m1_doubled[high_nibble(both)]);
    }
}

}  // namespace rorqual::quant
