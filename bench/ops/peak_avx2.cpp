#include "ops/limits.hpp"

#include "ops/x86_avx2.hpp"

namespace rorqual::bench {

double spin_avx2(long count) {
    __m256 sums[12];
    for (__m256& sum : sums) sum = _mm256_set1_ps(1.0F);
    for (long i = 0; i < count; ++i) {
#pragma GCC unroll 16
        for (__m256& sum : sums) {
            sum = _mm256_fmadd_ps(sum, sum, sum);
            __asm__ volatile(""
                             : "+x"(sum));
        }
    }
    return 12.0 * 8 * 2 * static_cast<double>(count);
}

}  // namespace rorqual::bench
