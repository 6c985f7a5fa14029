// Q8_0: 32 weights in 34 bytes.  d f16 | qs[32] i8.  w = d·q
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q8_0(const std::byte* block, float* out) {
    const float d = half_at(block);
    for (int j = 0; j < 32; ++j) out[j] = d * static_cast<float>(signed_at(block + 2, j));
}

}  // namespace rorqual::quant
