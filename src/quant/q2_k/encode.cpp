#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"

namespace rorqual::quant {

void encode_q2_k(const float* values, std::byte* block) {
    const auto fitted = fit_affine<16, 16, 3, 15>(values);
    for (int group = 0; group < 16; ++group) block[group] = static_cast<std::byte>(fitted.scale[group] | fitted.min[group] << 4);
    for (int i = 0; i < 64; ++i) {
        int four = 0;  // weights i, i + 32, i + 64, i + 96 of half n
        for (int shift = 0; shift < 8; shift += 2) four |= fitted.codes[128 * (i / 32) + 16 * shift + i % 32] << shift;
        block[16 + i] = static_cast<std::byte>(four);
    }
    put_half(block + 80, fitted.d);
    put_half(block + 82, fitted.dmin);
}

}  // namespace rorqual::quant
