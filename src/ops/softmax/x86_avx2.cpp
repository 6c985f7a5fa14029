#include "ops/softmax/softmax.hpp"

#include "ops/x86_avx2_exp.hpp"

namespace rorqual::ops {
namespace {

const float minus_infinity = -__builtin_huge_valf();

/// max of a row; NaN is passed over (max_ps returns its second operand then), exp carries it on.
float row_max(const float* row, std::int64_t cols) {
    constexpr std::int64_t lanes = Avx2::lanes;
    float max = minus_infinity;
    std::int64_t i = 0;
    if (cols >= lanes) {
        __m256 maxima = _mm256_set1_ps(minus_infinity);
        for (; i + lanes <= cols; i += lanes) maxima = _mm256_max_ps(Avx2::load(row + i), maxima);
        float lane[lanes];
        Avx2::store(lane, maxima);
        for (const float candidate : lane) max = candidate > max ? candidate : max;
    }
    for (; i < cols; ++i) max = row[i] > max ? row[i] : max;
    return max;
}

}  // namespace

void softmax_f32_avx2(const Rows& x) {
    constexpr std::int64_t lanes = Avx2::lanes;
    for (std::int64_t t = 0; t < x.rows; ++t) {
        float* row = x.data + t * x.stride;
        float m = row_max(row, x.cols);
        if (m == minus_infinity) m = 0;  // −∞ − −∞ would be NaN
        const __m256 max = Avx2::broadcast(m);
        __m256 sums = Avx2::zero();
        std::int64_t i = 0;
        for (; i + lanes <= x.cols; i += lanes) {
            const __m256 e = exp(_mm256_sub_ps(Avx2::load(row + i), max));
            sums = _mm256_add_ps(sums, e);
            Avx2::store(row + i, e);
        }
        const std::int64_t rest = x.cols - i;
        if (rest > 0) {
            Avx2::store_first(row + i, rest, exp(_mm256_sub_ps(Avx2::load_first(row + i, rest), max)));
            sums = _mm256_add_ps(sums, Avx2::load_first(row + i, rest));
        }
        const float sum = Avx2::sum(sums);
        const __m256 divisor = Avx2::broadcast(sum == 0 ? 1 : sum);
        for (i = 0; i + lanes <= x.cols; i += lanes) Avx2::store(row + i, _mm256_div_ps(Avx2::load(row + i), divisor));
        if (rest > 0) Avx2::store_first(row + i, rest, _mm256_div_ps(Avx2::load_first(row + i, rest), divisor));
    }
}

}  // namespace rorqual::ops
