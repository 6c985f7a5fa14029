#include "ops/limits.hpp"

#include "ops/x86_avx512.hpp"

namespace rorqual::bench {

double spin_avx512(long count) {
    __m512 sums[12];
    for (__m512& sum : sums) sum = _mm512_set1_ps(1.0F);
    for (long i = 0; i < count; ++i) {
#pragma GCC unroll 16
        for (__m512& sum : sums) {
            sum = _mm512_fmadd_ps(sum, sum, sum);
            __asm__ volatile(""
                             : "+v"(sum));
        }
    }
    return 12.0 * 16 * 2 * static_cast<double>(count);
}

}  // namespace rorqual::bench
