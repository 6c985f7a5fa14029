#include "ops/partial_softmax/partial_softmax.hpp"

#include "ops/x86_avx2_exp.hpp"

namespace rorqual::ops {

PartialSoftmax partial_softmax_f32_avx2(float* x, const float* y, std::int64_t n, float scale) {
    constexpr std::int64_t lanes = Avx2::lanes;
    constexpr float nothing = -__builtin_huge_valf();
    const __m256 factor = Avx2::broadcast(scale);
    const std::int64_t whole = n / lanes * lanes, rest = n - whole;
    __m256 maxima = Avx2::broadcast(nothing);
    for (std::int64_t j = 0; j < whole; j += lanes) {
        const __m256 s = _mm256_mul_ps(factor, _mm256_add_ps(Avx2::load(x + j), Avx2::load(y + j)));
        Avx2::store(x + j, s);
        maxima = _mm256_max_ps(s, maxima);  // of NaN: the second operand. exp will carry it on
    }
    float lane[lanes], peak = nothing;
    Avx2::store(lane, maxima);
    for (const float candidate : lane) peak = candidate > peak ? candidate : peak;
    for (std::int64_t j = whole; j < n; ++j) {
        x[j] = scale * (x[j] + y[j]);
        peak = x[j] > peak ? x[j] : peak;
    }
    const __m256 m = Avx2::broadcast(peak == nothing ? 0 : peak);  // −∞ − −∞ would be NaN
    __m256 sums = Avx2::zero();
    for (std::int64_t j = 0; j < whole; j += lanes) {
        const __m256 e = exp(_mm256_sub_ps(Avx2::load(x + j), m));
        sums = _mm256_add_ps(sums, e);
        Avx2::store(x + j, e);
    }
    if (rest > 0) {
        Avx2::store_first(x + whole, rest, exp(_mm256_sub_ps(Avx2::load_first(x + whole, rest), m)));
        sums = _mm256_add_ps(sums, Avx2::load_first(x + whole, rest));
    }
    return {peak, Avx2::sum(sums)};
}

}  // namespace rorqual::ops
