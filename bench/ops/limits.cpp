#include "ops/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <vector>

#include <benchmark/benchmark.h>

namespace rorqual::bench {
namespace {

template <class Work>
double fastest_seconds(int times, Work work) {
    double best = 1e9;
    for (int i = 0; i < times; ++i) {
        const auto start = std::chrono::steady_clock::now();
        work();
        best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    return best;
}

}  // namespace

double peak_flops(cpu::Isa isa) {
    double (*spin)(long) = spin_portable;
#if defined(RQ_COMPILED_avx2)
    if (isa == cpu::Isa::avx2) spin = spin_avx2;
#endif
#if defined(RQ_COMPILED_avx512)
    if (isa == cpu::Isa::avx512) spin = spin_avx512;
#endif
    double operations = 0;
    const double seconds = fastest_seconds(60, [&] { operations = spin(200'000); });
    return operations / seconds;
}

double read_bandwidth(cpu::Workers& workers) {
    constexpr std::int64_t piece = 1 << 18;         // 2 MiB
    constexpr std::int64_t pieces = 256;            // 512 MiB: beyond every cache
    std::vector<std::uint64_t> memory(static_cast<std::size_t>(piece * pieces), 1);
    const double seconds = fastest_seconds(5, [&] {
        workers.parallel_for(pieces, nullptr, [&](std::int64_t task, std::size_t) {
            std::uint64_t sums[16] = {};
            const std::uint64_t* p = memory.data() + task * piece;
            for (std::int64_t i = 0; i < piece; i += 16) {
                for (std::int64_t j = 0; j < 16; ++j) sums[j] += p[i + j];
            }
            benchmark::DoNotOptimize(sums);
        });
    });
    return static_cast<double>(memory.size() * sizeof(std::uint64_t)) / seconds;
}

}  // namespace rorqual::bench
