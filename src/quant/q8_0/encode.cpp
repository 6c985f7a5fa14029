// The largest magnitude becomes 127; halves are rounded away from zero. Byte for byte ggml's quantize_row_q8_0_ref.
#include <cmath>

#include "quant/block_writer.hpp"
#include "quant/encode.hpp"

namespace rorqual::quant {

void encode_q8_0(const float* values, std::byte* block) {
    const float d = std::fabs(largest_signed(values, 32)) / 127.0F;
    const float inverse = inverse_or_zero(d);
    put_half(block, d);
    for (int i = 0; i < 32; ++i) block[2 + i] = static_cast<std::byte>(static_cast<std::int8_t>(std::round(values[i] * inverse)));
}

}  // namespace rorqual::quant
