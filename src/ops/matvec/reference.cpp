#include "ops/matvec/matvec.hpp"
#include "ops/portable.hpp"

namespace rorqual::ops {
namespace {

template <class Format>
void matvec(const WeightView& w, const ConstRows& x, const Rows& y) {
    for (std::int64_t n = 0; n < w.rows; ++n) y.data[n] = portable::dot<Format>(w.data + n * w.row_bytes(), x.data, w.cols);
}

}  // namespace

void matvec_f32_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matvec<F32>(w, x, y); }
void matvec_f16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matvec<F16>(w, x, y); }
void matvec_bf16_portable(const WeightView& w, const ConstRows& x, const Rows& y) { matvec<Bf16>(w, x, y); }

}  // namespace rorqual::ops
