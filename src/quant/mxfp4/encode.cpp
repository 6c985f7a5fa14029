// The power of two that brings the largest magnitude below 6, or the one below it, where cutting that value off at 6 costs
// less than the finer steps gain (OCP Microscaling Formats v1.0 §6.3 takes the latter always).
#include <algorithm>
#include <cmath>

#include "quant/block_writer.hpp"
#include "quant/codebooks.hpp"
#include "quant/encode.hpp"
#include "quant/float4.hpp"
#include "quant/float8.hpp"

namespace rorqual::quant {
namespace {

// Codes for the scale 2^(exponent − 127) and the squared error they leave.
float codes_for(const float* values, int exponent, std::uint8_t* codes) {
    const float scale = f8_e8m0_values[static_cast<std::size_t>(exponent)];
    float error = 0;
    for (int i = 0; i < 32; ++i) {
        codes[i] = e2m1_from_f32(values[i] / scale);
        const float off = values[i] - 0.5F * scale * static_cast<float>(e2m1_doubled[codes[i]]);
        error += off * off;
    }
    return error;
}

}  // namespace

void encode_mxfp4(const float* values, std::byte* block) {
    int exponent = 0;  // of the largest magnitude, in [½, 1)·2^exponent
    const float largest = std::fabs(largest_signed(values, 32));
    std::frexp(largest, &exponent);
    std::uint8_t codes[2][32];
    const int coarse = largest == 0 ? 1 : std::min(std::max(exponent - 2 + 127, 1), 254);  // largest/2^(exponent−2) in [2, 4)
    const bool finer = codes_for(values, coarse - 1, codes[1]) < codes_for(values, coarse, codes[0]);
    block[0] = static_cast<std::byte>(finer ? coarse - 1 : coarse);
    put_nibbles(block + 1, codes[finer ? 1 : 0]);
}

}  // namespace rorqual::quant
