#include <algorithm>

#include "ops/matmul_transposed/matmul_transposed.hpp"
#include "ops/weight_formats.hpp"

namespace rorqual::ops {
namespace {

template <class Format>
void matmul_transposed(const WeightView& w, const ConstRows& x, const Rows& y) {
    for (std::int64_t t = 0; t < x.rows; ++t) {
        float* out = y.data + t * y.stride;
        std::fill_n(out, w.cols, 0.0F);
        for (std::int64_t k = 0; k < w.rows; ++k) {
            const std::byte* row = w.data + k * w.row_bytes();
            const float factor = x.data[t * x.stride + k];
            for (std::int64_t n = 0; n < w.cols; ++n) out[n] += factor * Format::load(row + n * Format::bytes);
        }
    }
}

}  // namespace

void matmul_transposed_f32_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed<F32>(w, x, y); }
void matmul_transposed_f16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed<F16>(w, x, y); }
void matmul_transposed_bf16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed<Bf16>(w, x, y); }

}  // namespace rorqual::ops
