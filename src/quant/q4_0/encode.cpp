// The value of largest magnitude becomes −8, which uses all sixteen codes. Byte for byte ggml's quantize_row_q4_0_ref.
#include "quant/encode.hpp"
#include "quant/block_writer.hpp"

namespace rorqual::quant {

void encode_q4_0(const float* values, std::byte* block) {
    const float d = largest_signed(values, 32) / -8.0F;
    const float inverse = inverse_or_zero(d);
    std::uint8_t codes[32];
    for (int i = 0; i < 32; ++i) codes[i] = code_at_most(values[i] * inverse + 8.5F, 15.0F);
    put_half(block, d);
    put_nibbles(block + 2, codes);
}

}  // namespace rorqual::quant
