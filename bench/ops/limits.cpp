#include "ops/limits.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <ctime>
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

double clock_hz() {
    constexpr std::int64_t additions = 2'000'000;
    double best = 1e9;
    for (int i = 0; i < 100; ++i) {
        const std::clock_t start = std::clock();
        std::uint64_t sum = 1, one = 1;  // in registers: processors resolve additions of constants without a cycle each
        for (std::int64_t j = 0; j < additions; j += 16) {
#pragma GCC unroll 16
            for (int k = 0; k < 16; ++k) {
                sum += one;
                __asm__ volatile(""
                                 : "+r"(sum), "+r"(one));
            }
        }
        best = std::min(best, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
    }
    return static_cast<double>(additions) / best;
}

double read_bandwidth(cpu::Workers& workers) {
    // Parts of 32 MiB in turn out of 512 MiB: beyond every cache when a part's turn comes again, and short enough that one of
    // them passes undisturbed on a busy machine.
    constexpr std::int64_t piece = 1 << 17, pieces = 32, parts = 16;  // a piece: 1 MiB of 64-bit words
    const std::vector<std::uint64_t> memory(static_cast<std::size_t>(piece * pieces * parts), 1);
    std::int64_t part = 0;
    const double seconds = fastest_seconds(2 * parts, [&] {
        const std::uint64_t* first = memory.data() + part++ % parts * pieces * piece;
        workers.parallel_for(pieces, nullptr, [&](std::int64_t task, std::size_t) {
            std::uint64_t sums[16] = {};
            const std::uint64_t* p = first + task * piece;
            for (std::int64_t i = 0; i < piece; i += 16) {
                for (std::int64_t j = 0; j < 16; ++j) sums[j] += p[i + j];
            }
            benchmark::DoNotOptimize(sums);
        });
    });
    return static_cast<double>(piece * pieces) * sizeof(std::uint64_t) / seconds;
}

}  // namespace rorqual::bench
