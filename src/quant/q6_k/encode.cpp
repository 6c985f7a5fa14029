#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"

namespace rorqual::quant {

void encode_q6_k(const float* values, std::byte* block) {
    const auto fitted = fit_signed<EvenGrid<-32, 31>, 16, 16, 127>(values);
    for (int n = 0; n < 2; ++n) {
        const std::uint8_t* codes = fitted.codes.data() + 128 * n;
        for (int l = 0; l < 64; ++l) {
            block[64 * n + l] = static_cast<std::byte>((codes[l] & 15) | (codes[l + 64] & 15) << 4);
        }
        for (int l = 0; l < 32; ++l) {
            block[128 + 32 * n + l] = static_cast<std::byte>(codes[l] >> 4 | codes[l + 32] >> 4 << 2 | codes[l + 64] >> 4 << 4 |
                                                             codes[l + 96] >> 4 << 6);
        }
    }
    for (int group = 0; group < 16; ++group) block[192 + group] = static_cast<std::byte>(fitted.scale[group]);
    put_half(block + 208, fitted.d);
}

}  // namespace rorqual::quant
