// Rates a machine reaches with nothing in its way. Instruction sets are chosen function by function, so that this file needs no flags.
#include "machine.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <new>
#include <sstream>
#include <thread>
#include <vector>

namespace cli {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Runs work(thread) on all threads at once, again and again; returns the shortest time one round took from its common start to its
/// last end.
double fastest_round(unsigned threads, int rounds, const std::function<void(unsigned)>& work) {
    std::atomic<unsigned> arrived{0};
    std::vector<double> begin(static_cast<std::size_t>(rounds)), end(static_cast<std::size_t>(rounds) * threads);
    const auto one = [&](unsigned thread) {
        for (int round = 0; round < rounds; ++round) {
            const auto all = threads * static_cast<unsigned>(round + 1);
            if (arrived.fetch_add(1) + 1 == all) begin[static_cast<std::size_t>(round)] = now();
            while (arrived.load() < all) std::this_thread::yield();
            work(thread);
            end[static_cast<std::size_t>(round) * threads + thread] = now();
        }
    };
    std::vector<std::thread> others;
    for (unsigned thread = 1; thread < threads; ++thread) others.emplace_back(one, thread);
    one(0);
    for (auto& other : others) other.join();
    double best = 1e9;
    for (std::size_t round = 0; round < begin.size(); ++round) {
        const auto first = end.begin() + static_cast<std::ptrdiff_t>(round * threads);
        best = std::min(best, *std::max_element(first, first + threads) - begin[round]);
    }
    return best;
}

// Keeps the compiler from leaving out what nobody reads.
void keep(const void* p) { __asm__ volatile(""
                                            :
                                            : "r"(p)
                                            : "memory"); }

struct Free {
    void operator()(std::uint64_t* p) const { std::free(p); }
};
using Words = std::unique_ptr<std::uint64_t, Free>;

/// Memory as the engine keeps weights in: of huge pages where the system gives them, written to.
Words words(std::size_t count) {
    constexpr std::size_t huge_page = std::size_t{2} << 20;
    const std::size_t bytes = (count * sizeof(std::uint64_t) + huge_page - 1) / huge_page * huge_page;
    Words memory(static_cast<std::uint64_t*>(std::aligned_alloc(huge_page, bytes)));
    if (!memory) throw std::bad_alloc();
#if defined(__linux__)
    static_cast<void>(madvise(memory.get(), bytes, MADV_HUGEPAGE));
#endif
    std::fill_n(memory.get(), count, 1);
    return memory;
}

double read_bytes_per_second(unsigned threads) {
    // 32 MiB together in each round, in turn out of 512 MiB: beyond most caches when a part's turn comes again, and short enough that one
    // of them passes undisturbed on a busy machine.
    constexpr std::size_t parts = 16, line = 8;  // words
    const std::size_t part = (std::size_t{32} << 20) / sizeof(std::uint64_t) / threads / line * line;
    std::vector<Words> memory;
    for (unsigned thread = 0; thread < threads; ++thread) memory.push_back(words(part * parts));
    std::vector<std::size_t> turn(threads);
    const double seconds = fastest_round(threads, 3 * static_cast<int>(parts), [&](unsigned thread) {
        const std::uint64_t* p = memory[thread].get() + turn[thread]++ % parts * part;
        std::uint64_t sums[line] = {};
        for (std::size_t i = 0; i < part; i += line) {
            for (std::size_t j = 0; j < line; ++j) sums[j] += p[i + j];
        }
        keep(sums);
    });
    return static_cast<double>(threads * part * sizeof(std::uint64_t)) / seconds;
}

// Rounds of independent multiply-adds in registers. Each returns what it did in one call: multiply-adds, or f32 operations.
constexpr long rounds = 100'000;

#if defined(__x86_64__)

template <std::size_t Bytes>
struct VectorOf {
    typedef float type __attribute__((vector_size(Bytes)));
};

#define RQ_SPIN(constraint, count, bytes, instruction)    \
    VectorOf<bytes>::type sums[count] = {}, x = {};       \
    for (long i = 0; i < rounds; ++i) {                   \
        _Pragma("GCC unroll 16") for (auto& sum : sums) { \
            __asm__ volatile(instruction                  \
                             : "+" constraint(sum)        \
                             : constraint(x));            \
        }                                                 \
    }

__attribute__((target("avx2"))) double spin_int8_avx2() {
    RQ_SPIN("x", 8, 32, "vpmaddubsw %0, %1, %0")
    return 8.0 * 32 * rounds;
}
__attribute__((target("avx512f"))) double spin_int8_vnni() {
    RQ_SPIN("v", 12, 64, "vpdpbusd %1, %1, %0")
    return 12.0 * 64 * rounds;
}
__attribute__((target("avx2,fma"))) double spin_f32_avx2() {
    RQ_SPIN("x", 12, 32, "vfmadd231ps %1, %1, %0")
    return 12.0 * 8 * 2 * rounds;
}
__attribute__((target("avx512f"))) double spin_f32_avx512() {
    RQ_SPIN("v", 12, 64, "vfmadd231ps %1, %1, %0")
    return 12.0 * 16 * 2 * rounds;
}

#undef RQ_SPIN

#endif

double spin_int8_plain() {
    std::int32_t sums[16] = {};
    std::int8_t x[16] = {};
    for (long i = 0; i < rounds; ++i) {
        keep(x);
        for (int j = 0; j < 16; ++j) sums[j] += x[j] * x[j];
    }
    keep(sums);
    return 16.0 * rounds;
}
double spin_f32_plain() {
    float sums[16] = {}, x[16] = {};
    for (long i = 0; i < rounds; ++i) {
        keep(x);
        for (int j = 0; j < 16; ++j) sums[j] += x[j] * x[j];
    }
    keep(sums);
    return 16.0 * 2 * rounds;
}

struct Spin {
    double (*run)();
    const char* instruction;
};

Spin best_int8() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512vnni")) return {spin_int8_vnni, "vpdpbusd"};
    if (__builtin_cpu_supports("avx2")) return {spin_int8_avx2, "vpmaddubsw"};
#endif
    return {spin_int8_plain, "plain C++"};
}

Spin best_f32() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f")) return {spin_f32_avx512, "vfmadd231ps"};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return {spin_f32_avx2, "vfmadd231ps"};
#endif
    return {spin_f32_plain, "plain C++"};
}

double rate_of(const Spin& spin, unsigned threads) {
    std::atomic<double> done{0};
    const double seconds = fastest_round(threads, 200, [&](unsigned) { done = spin.run(); });
    return done * threads / seconds;
}

// "model name : AMD EPYC …"
std::string processor_name() {
    std::ifstream info("/proc/cpuinfo");
    for (std::string line; std::getline(info, line);) {
        if (line.rfind("model name", 0) == 0) return line.substr(std::min(line.find(": ") + 2, line.size()));
    }
    return "unknown";
}

}  // namespace

Machine measure_machine(unsigned threads) {
    Machine machine;
    machine.processor = processor_name();
    machine.read_bytes = read_bytes_per_second(threads);
    const Spin int8 = best_int8();
    machine.int8_macs = rate_of(int8, threads);
    machine.int8_instruction = int8.instruction;
    machine.f32_flops = rate_of(best_f32(), threads);
    return machine;
}

double load_average() {
    double load = 0;
    return ::getloadavg(&load, 1) == 1 ? load : -1;
}

std::uint64_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::uint64_t all = 0, resident = 0;
    statm >> all >> resident;
    return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::uint64_t peak_resident_bytes() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace cli
