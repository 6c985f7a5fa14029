#include "ops/matmul_transposed/matmul_transposed.hpp"

#include "ops/x86_avx2.hpp"

#include "ops/axpy_tiles.hpp"

namespace rorqual::ops {

void matmul_transposed_f32_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed_columns<Avx2, Avx2::F32>(w, x, y); }
void matmul_transposed_f16_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed_columns<Avx2, Avx2::F16>(w, x, y); }
void matmul_transposed_bf16_avx2(const WeightView& w, const ConstRows& x, const Rows& y) { matmul_transposed_columns<Avx2, Avx2::Bf16>(w, x, y); }

}  // namespace rorqual::ops
