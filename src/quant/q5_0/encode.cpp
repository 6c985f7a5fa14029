// The value of largest magnitude becomes −16. Byte for byte ggml's quantize_row_q5_0_ref.
#include "quant/encode.hpp"
#include "quant/block_writer.hpp"

namespace rorqual::quant {

void encode_q5_0(const float* values, std::byte* block) {
    const float d = largest_signed(values, 32) / -16.0F;
    const float inverse = inverse_or_zero(d);
    std::uint8_t codes[32];
    for (int i = 0; i < 32; ++i) codes[i] = code_at_most(values[i] * inverse + 16.5F, 31.0F);
    put_half(block, d);
    put_u32(block + 2, fifth_bits(codes));
    put_nibbles(block + 6, codes);
}

}  // namespace rorqual::quant
