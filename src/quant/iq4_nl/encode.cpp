#include "quant/encode.hpp"
#include "quant/block_writer.hpp"
#include "quant/fit.hpp"

namespace rorqual::quant {

void encode_iq4_nl(const float* values, std::byte* block) {
    const auto fitted = fit_iq4_group(values);
    put_half(block, fitted.d);
    put_nibbles(block + 2, fitted.codes.data());
}

}  // namespace rorqual::quant
