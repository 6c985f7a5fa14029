#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"

namespace rorqual::quant {
namespace {

// Six-bit scales (+ 32) of sixteen groups in twelve bytes: decode.cpp reads them back.
void put_scales(std::byte* packed, const std::int8_t* scales) {
    for (int i = 0; i < 12; ++i) packed[i] = std::byte{0};
    for (int group = 0; group < 16; ++group) {
        const int scale = scales[group] + 32;
        packed[group % 8] |= static_cast<std::byte>((scale & 15) << (group < 8 ? 0 : 4));
        packed[8 + group % 4] |= static_cast<std::byte>((scale >> 4) << (2 * (group / 4)));
    }
}

}  // namespace

void encode_q3_k(const float* values, std::byte* block) {
    const auto fitted = fit_signed<EvenGrid<-4, 3>, 16, 16, 31>(values);
    for (int l = 0; l < 32; ++l) {
        int third = 0;
        for (int run = 0; run < 8; ++run) third |= (fitted.codes[32 * run + l] >> 2) << run;
        block[l] = static_cast<std::byte>(third);
    }
    for (int i = 0; i < 64; ++i) {
        int four = 0;  // weights i, i + 32, i + 64, i + 96 of half n
        for (int shift = 0; shift < 8; shift += 2) four |= (fitted.codes[128 * (i / 32) + 16 * shift + i % 32] & 3) << shift;
        block[32 + i] = static_cast<std::byte>(four);
    }
    put_scales(block + 96, fitted.scale.data());
    put_half(block + 108, fitted.d);
}

}  // namespace rorqual::quant
