#include "ops/matmul/matmul.hpp"
#include "ops/portable.hpp"

namespace rorqual::ops {
namespace {

template <class Format>
void matmul(const WeightView& w, const ConstRows& x, const Rows& y) {
    for (std::int64_t n = 0; n < w.rows; ++n) {  // rows of W outside: each is read from memory once
        const std::byte* row = w.data + n * w.row_bytes();
        for (std::int64_t t = 0; t < x.rows; ++t) {
            y.data[t * y.stride + n] = portable::dot<Format>(row, x.data + t * x.stride, w.cols);
        }
    }
}

}  // namespace

void matmul_f32_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul<F32>(w, x, y); }
void matmul_f16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul<F16>(w, x, y); }
void matmul_bf16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matmul<Bf16>(w, x, y); }

}  // namespace rorqual::ops
