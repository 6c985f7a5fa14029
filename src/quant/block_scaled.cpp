#include "quant/block_scaled.hpp"

#include <algorithm>

#include "quant/float8.hpp"

namespace rorqual::quant {

void decode_scaled(const BlockScales& s, std::int64_t first_row, std::int64_t cols, std::span<const std::byte> codes, std::span<float> out) {
    const auto* code = reinterpret_cast<const unsigned char*>(codes.data());
    float* to = out.data();
    float* const end = to + out.size();
    for (std::int64_t row = first_row; to < end; ++row) {
        const float* scale = s.values.data() + row / s.block_rows * s.across;
        for (std::int64_t k = 0; k < cols; ++scale) {
            for (const auto last = std::min(k + s.block_cols, cols); k < last; ++k) *to++ = f8_e4m3_values[*code++] * *scale;
        }
    }
}

void decode_scaled(const WeightView& w, float* out) {
    const auto count = static_cast<std::size_t>(w.rows * w.cols);
    decode_scaled(*w.scales, w.scales->row_of(w), w.cols, {w.data, count}, {out, count});
}

}  // namespace rorqual::quant
