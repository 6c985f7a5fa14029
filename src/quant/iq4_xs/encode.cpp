#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"

namespace rorqual::quant {

void encode_iq4_xs(const float* values, std::byte* block) {
    const auto fitted = fit_signed<Iq4Grid, 8, 32, 31>(values);
    std::uint32_t low = 0, high = 0;
    for (int group = 0; group < 8; ++group) {
        const auto scale = static_cast<std::uint32_t>(fitted.scale[group] + 32);
        low |= (scale & 15) << (4 * group);
        high |= (scale >> 4) << (2 * group);
        put_nibbles(block + 8 + 16 * group, fitted.codes.data() + 32 * group);
    }
    put_half(block, fitted.d);
    put_u16(block + 2, static_cast<std::uint16_t>(high));
    put_u32(block + 4, low);
}

}  // namespace rorqual::quant
