#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::quant {

void encode_q5_k(const float* values, std::byte* block) {
    const auto fitted = fit_affine<8, 32, 31, 63>(values);
    put_half(block, fitted.d);
    put_half(block + 2, fitted.dmin);
    put_k_scales(block + 4, fitted.scale.data(), fitted.min.data());
    for (int l = 0; l < 32; ++l) {
        int fifth = 0;
        for (int group = 0; group < 8; ++group) fifth |= (fitted.codes[32 * group + l] >> 4) << group;
        block[16 + l] = static_cast<std::byte>(fifth);
    }
    for (int i = 0; i < 128; ++i) {
        const int low = 64 * (i / 32) + i % 32;
        block[48 + i] = static_cast<std::byte>((fitted.codes[low] & 15) | (fitted.codes[low + 32] & 15) << 4);
    }
}

}  // namespace rorqual::quant
