#include "ops/matvec/matvec.hpp"

#include "ops/x86_avx2.hpp"

#include "ops/dot_tiles.hpp"

namespace rorqual::ops {

void matvec_f32_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx2, Avx2::F32>(w, x, y); }
void matvec_f16_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx2, Avx2::F16>(w, x, y); }
void matvec_bf16_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx2, Avx2::Bf16>(w, x, y); }

}  // namespace rorqual::ops
