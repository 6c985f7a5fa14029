#include "ops/swiglu/swiglu.hpp"

#include "ops/x86_avx2_exp.hpp"

namespace rorqual::ops {
namespace {

__m256 silu(__m256 z) {
    const __m256 minus_z = _mm256_xor_ps(z, _mm256_set1_ps(-0.0F));
    return _mm256_div_ps(z, _mm256_add_ps(_mm256_set1_ps(1.0F), exp(minus_z)));
}

}  // namespace

void swiglu_f32_avx2(const ConstRows& gate, const ConstRows& up, const Rows& y) {
    constexpr std::int64_t lanes = Avx2::lanes;
    for (std::int64_t t = 0; t < gate.rows; ++t) {
        const float* z = gate.data + t * gate.stride;
        const float* u = up.data + t * up.stride;
        float* out = y.data + t * y.stride;
        std::int64_t i = 0;
        for (; i + lanes <= gate.cols; i += lanes) Avx2::store(out + i, _mm256_mul_ps(silu(Avx2::load(z + i)), Avx2::load(u + i)));
        if (const std::int64_t rest = gate.cols - i; rest > 0) {
            Avx2::store_first(out + i, rest, _mm256_mul_ps(silu(Avx2::load_first(z + i, rest)), Avx2::load_first(u + i, rest)));
        }
    }
}

}  // namespace rorqual::ops
