#include "ops/matvec/matvec.hpp"

#include "ops/x86_avx512.hpp"

#include "ops/dot_tiles.hpp"

namespace rorqual::ops {

void matvec_f32_avx512(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx512, Avx512::F32>(w, x, y); }
void matvec_f16_avx512(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx512, Avx512::F16>(w, x, y); }
void matvec_bf16_avx512(const WeightView& w, const ConstRows& x, const Rows& y) { matvec_rows<Avx512, Avx512::Bf16>(w, x, y); }

}  // namespace rorqual::ops
