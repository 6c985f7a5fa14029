#include "ops/limits.hpp"

#include <benchmark/benchmark.h>

namespace rorqual::bench {

double spin_portable(long count) {
    float sums[32] = {};
    for (long i = 0; i < count; ++i) {
        for (float& sum : sums) sum += sum * 0.5F;
        benchmark::ClobberMemory();
    }
    benchmark::DoNotOptimize(sums);
    return 64.0 * static_cast<double>(count);
}

}  // namespace rorqual::bench
