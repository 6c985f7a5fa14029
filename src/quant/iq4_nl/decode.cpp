// IQ4_NL: 32 weights in 18 bytes.  d f16 | qs[16].  Order as Q4_0; nibbles index a table of sixteen values.  w = d·K[q]
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"
#include "quant/codebooks.hpp"

namespace rorqual::quant {

void decode_iq4_nl(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int j = 0; j < 16; ++j) {
        const std::uint8_t both = byte_at(block + 2, j);
        out[j] = d * static_cast<float>(iq4_values[low_nibble(both)]);
        out[j + 16] = d * static_cast<float>(iq4_values[high_nibble(both)]);
    }
}

}  // namespace rorqual::quant
