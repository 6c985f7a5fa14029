#include "ops/rms_norm/rms_norm.hpp"

#include "ops/x86_avx2.hpp"

namespace rorqual::ops {

// One vector of partial sums: the latency of its FMAs is small beside reading a row from the second cache, and the order of
// summation stays as simple as the products'.
void rms_norm_f32_avx2(const ConstRows& x, const float* weight, float eps, const Rows& y) {
    constexpr std::int64_t lanes = Avx2::lanes;
    const std::int64_t cols = x.cols;
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const float* in = x.data + t * x.stride;
        float* out = y.data + t * y.stride;
        __m256 squares = Avx2::zero();
        std::int64_t i = 0;
        for (; i + lanes <= cols; i += lanes) {
            const __m256 v = Avx2::load(in + i);
            squares = Avx2::fma(v, v, squares);
        }
        if (i < cols) {
            const __m256 v = Avx2::load_first(in + i, cols - i);
            squares = Avx2::fma(v, v, squares);
        }
        const __m128 mean = _mm_set_ss(Avx2::sum(squares) / static_cast<float>(cols) + eps);
        const __m256 scale = Avx2::broadcast(1.0F / _mm_cvtss_f32(_mm_sqrt_ss(mean)));
        for (i = 0; i + lanes <= cols; i += lanes) {
            Avx2::store(out + i, _mm256_mul_ps(_mm256_mul_ps(Avx2::load(in + i), scale), Avx2::load(weight + i)));
        }
        if (i < cols) {
            const std::int64_t rest = cols - i;
            Avx2::store_first(out + i, rest, _mm256_mul_ps(_mm256_mul_ps(Avx2::load_first(in + i, rest), scale), Avx2::load_first(weight + i, rest)));
        }
    }
}

}  // namespace rorqual::ops
