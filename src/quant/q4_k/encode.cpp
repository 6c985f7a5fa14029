#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::quant {

void encode_q4_k(const float* values, std::byte* block) {
    const auto fitted = fit_affine<8, 32, 15, 63>(values);
    put_half(block, fitted.d);
    put_half(block + 2, fitted.dmin);
    put_k_scales(block + 4, fitted.scale.data(), fitted.min.data());
    for (int i = 0; i < 128; ++i) {
        const int low = 64 * (i / 32) + i % 32;  // groups 2p and 2p + 1 share their bytes
        block[16 + i] = static_cast<std::byte>(fitted.codes[low] | fitted.codes[low + 32] << 4);
    }
}

}  // namespace rorqual::quant
