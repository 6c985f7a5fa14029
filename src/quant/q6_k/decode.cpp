// Q6_K: 256 weights in 210 bytes.  ql[128] | qh[64] | scales[16] i8 | d f16.  Sixteen groups of 16 weights.  w = d·sc·(q − 32)
// In half n, weights l, l+32, l+64, l+96 take their low four bits from the low nibbles of ql[64n+l], ql[64n+l+32], then the
// high nibbles of the same bytes, and their high two bits from bits 0–1, 2–3, 4–5, 6–7 of qh[32n+l].
#include "quant/decode.hpp"
#include "quant/block_reader.hpp"

namespace rorqual::quant {

void decode_q6_k(const std::byte* block, float* out) {
    const std::byte* scales = block + 192;
    const float d = half_at(block + 208);
    for (int n = 0; n < 2; ++n) {
        const std::byte* ql = block + 64 * n;
        const std::byte* qh = block + 128 + 32 * n;
        for (int quarter = 0; quarter < 4; ++quarter) {
            for (int l = 0; l < 32; ++l) {
                const std::uint8_t both = byte_at(ql, l + 32 * (quarter % 2));
                const int low4 = quarter < 2 ? low_nibble(both) : high_nibble(both);
                const int q = low4 | (byte_at(qh, l) >> (2 * quarter) & 3) << 4;
                const float dl = d * static_cast<float>(signed_at(scales, 8 * n + 2 * quarter + l / 16));
                out[128 * n + 32 * quarter + l] = dl * static_cast<float>(q - 32);
            }
        }
    }
}

}  // namespace rorqual::quant
