// Sixteen steps from the lowest to the highest value. Byte for byte ggml's quantize_row_q4_1_ref.
#include "quant/encode.hpp"
#include "quant/block_writer.hpp"

namespace rorqual::quant {

void encode_q4_1(const float* values, std::byte* block) {
    const auto [lowest, highest] = range_of(values, 32);
    const float d = (highest - lowest) / 15.0F;
    const float inverse = inverse_or_zero(d);
    std::uint8_t codes[32];
    for (int i = 0; i < 32; ++i) codes[i] = code_at_most((values[i] - lowest) * inverse + 0.5F, 15.0F);
    put_half(block, d);
    put_half(block + 2, lowest);
    put_nibbles(block + 4, codes);
}

}  // namespace rorqual::quant
