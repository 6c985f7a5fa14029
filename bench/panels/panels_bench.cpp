// gemm/q4_k/panels_avx2/T:16           a piece of a matrix, 256 × 2048, that stays in caches; unpacking it is part of the time
// gemv/q4_k/panels_avx2/T:1/threads:2  a matrix of more bytes than any cache holds, read from memory
// pack/q4_k, decode/q4_k               an expert's matrix, on one thread
// Counters: mac_per_cycle (of the clock as measured beside it); bytes of weights a second and the part of the measured read bandwidth of
// as many threads. Every product is compared with the portable kernel's before it is timed.

#include <algorithm>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "cpu/workers.hpp"
#include "ops/limits.hpp"
#include "panels/formats.hpp"
#include "panels/kernels.hpp"

using namespace rorqual;
using namespace rorqual::panels;
using benchmark::Counter;

namespace {

struct Free {
    void operator()(std::byte* p) const { ::operator delete (p, std::align_val_t{64}); }
};
using Bytes = std::unique_ptr<std::byte, Free>;
Bytes bytes(std::int64_t count) { return Bytes(static_cast<std::byte*>(::operator new (static_cast<std::size_t>(count), std::align_val_t{64}))); }

std::uint32_t next(std::uint32_t& state) { return state = state * 1664525U + 1013904223U; }

/// Blocks as in a file: random, with exponents of scales that keep every product finite.
std::vector<std::byte> blocks(DType format, std::int64_t weights) {
    std::vector<std::byte> stored(static_cast<std::size_t>(weights / block_length(format) * block_bytes(format)));
    std::uint32_t state = 1;
    for (auto& b : stored) b = static_cast<std::byte>(next(state) >> 24 & 0x3b);  // halves below 1, wherever they lie
    return stored;
}

/// A matrix that is random panels: `rows` may be more than one would care to pack.
struct Matrix {
    Matrix(DType format, std::int64_t rows, std::int64_t cols) : data(bytes(rows / panel_rows * panel_bytes(format, cols))), view{format, data.get(), rows, cols} {
        const std::int64_t unique = std::min<std::int64_t>(rows, 64);
        const auto stored = blocks(format, unique * cols);
        pack(format, stored.data(), unique, cols, 0, unique / panel_rows, data.get());
        const std::int64_t piece = unique / panel_rows * view.panel_bytes();
        for (std::int64_t at = piece; at < view.bytes(); at += piece) std::memcpy(data.get() + at, data.get(), static_cast<std::size_t>(std::min(piece, view.bytes() - at)));
    }
    Bytes data;
    Panels view;
};

struct Activations {
    Activations(std::int64_t tokens, std::int64_t cols)
        : q(static_cast<std::size_t>(tokens * cols)), scale(static_cast<std::size_t>(tokens * ((cols + 255) / 256))), sums(q.size() / 16), block_sums(q.size() / 32), view{q.data(), scale.data(), sums.data(), block_sums.data(), tokens, cols} {
        std::vector<float> values(q.size());
        std::uint32_t state = 9;
        for (float& v : values) v = static_cast<float>(next(state) >> 8) * 0x1p-23F - 1;
        quantise_portable(ConstRows(values.data(), tokens, cols), 0, tokens, view);
    }
    std::vector<std::int8_t> q;
    std::vector<float> scale;
    std::vector<std::int16_t> sums, block_sums;
    QuantisedRows view;
};

double clock_hz() {
    static const double measured = bench::clock_hz();
    return measured;
}
double bandwidth(cpu::Workers& workers) {
    static std::map<std::size_t, double> known;
    const auto found = known.find(workers.count());
    return found != known.end() ? found->second : known[workers.count()] = bench::read_bandwidth(workers);
}

bool right(const PanelKernels& kernels, const Panels& w, const Activations& x, std::byte* scratch) {
    const Panels some = w.slice(0, 4);
    std::vector<float> y(static_cast<std::size_t>(x.view.rows * some.rows)), truth(y.size());
    kernels.product(some, x.view, nullptr, Rows(y.data(), x.view.rows, some.rows), scratch);
    product_portable(some, x.view, nullptr, Rows(truth.data(), x.view.rows, some.rows), nullptr);
    return std::memcmp(y.data(), truth.data(), y.size() * sizeof(float)) == 0;
}

void gemm(benchmark::State& state, DType format, const PanelKernels& kernels, std::int64_t tokens) {
    constexpr std::int64_t rows = 256, cols = 2048;
    const Matrix w(format, rows, cols);
    const Activations x(tokens, cols);
    const Bytes scratch = bytes(scratch_bytes());
    if (!right(kernels, w.view, x, scratch.get())) return state.SkipWithError("differs from the portable kernel");
    std::vector<float> y(static_cast<std::size_t>(tokens * w.view.rows));
    for (auto _ : state) {
        kernels.product(w.view, x.view, nullptr, Rows(y.data(), tokens, w.view.rows), scratch.get());
        benchmark::ClobberMemory();
    }
    const double macs = static_cast<double>(w.view.rows * w.view.cols * tokens) * static_cast<double>(state.iterations());
    state.counters["mac_per_cycle"] = Counter(macs / clock_hz(), Counter::kIsRate);
}

void gemv(benchmark::State& state, DType format, const PanelKernels& kernels, std::int64_t tokens, std::size_t threads) {
    constexpr std::int64_t cols = 2048, wanted = std::int64_t{400} << 20;
    const std::int64_t panel = panel_bytes(format, cols), tasks = 64, panels_of_task = wanted / panel / tasks;
    const Matrix w(format, tasks * panels_of_task * panel_rows, cols);
    const Activations x(tokens, cols);
    const auto workers = cpu::Workers::pool(threads);
    const Bytes scratch = bytes(scratch_bytes() * static_cast<std::int64_t>(threads));
    if (!right(kernels, w.view, x, scratch.get())) return state.SkipWithError("differs from the portable kernel");
    std::vector<float> y(static_cast<std::size_t>(tokens * w.view.rows));
    for (auto _ : state) {
        workers->parallel_for(tasks, nullptr, [&](std::int64_t task, std::size_t worker) {
            Rows part(y.data() + task * panels_of_task * panel_rows, tokens, panels_of_task * panel_rows);
            part.stride = w.view.rows;
            kernels.product(w.view.slice(task * panels_of_task, panels_of_task), x.view, nullptr, part, scratch.get() + static_cast<std::int64_t>(worker) * scratch_bytes());
        });
        benchmark::ClobberMemory();
    }
    const double read = static_cast<double>(w.view.bytes()) * static_cast<double>(state.iterations());
    state.counters["weight_bytes"] = Counter(read, Counter::kIsRate);
    state.counters["of_bandwidth"] = Counter(read / bandwidth(*workers), Counter::kIsRate);
    const double macs = static_cast<double>(w.view.rows * w.view.cols * tokens) * static_cast<double>(state.iterations());
    state.counters["mac_per_cycle"] = Counter(macs / clock_hz() / static_cast<double>(threads), Counter::kIsRate);
}

constexpr std::int64_t expert_rows = 1408, expert_cols = 2048;

void packing(benchmark::State& state, DType format) {
    const auto stored = blocks(format, expert_rows * expert_cols);
    const Bytes packed = bytes(expert_rows / panel_rows * panel_bytes(format, expert_cols));
    for (auto _ : state) {
        pack(format, stored.data(), expert_rows, expert_cols, 0, expert_rows / panel_rows, packed.get());
        benchmark::ClobberMemory();
    }
    state.counters["file_bytes"] = Counter(static_cast<double>(stored.size()) * static_cast<double>(state.iterations()), Counter::kIsRate);
}

void decoding(benchmark::State& state, DType format) {
    const Matrix w(format, expert_rows, expert_cols);
    std::vector<float> values(static_cast<std::size_t>(expert_cols * panel_rows));
    for (auto _ : state) {
        for (std::int64_t n = 0; n < expert_rows; n += panel_rows) {
            decode_rows(w.view, n, panel_rows, values.data());
            benchmark::ClobberMemory();
        }
    }
    state.counters["f32_bytes"] = Counter(static_cast<double>(expert_rows * expert_cols) * 4.0 * static_cast<double>(state.iterations()), Counter::kIsRate);
}

void add_products(DType format, const PanelKernels& kernels) {
    const std::string of = std::string(name(format)) + "/" + std::string(kernels.name) + "/T:";
    for (const std::int64_t tokens : {1, 2, 4, 8, 16, 47, 48, 128, 512}) {
        benchmark::RegisterBenchmark(("gemm/" + of + std::to_string(tokens)).c_str(), [=](benchmark::State& state) { gemm(state, format, kernels, tokens); });
    }
    for (const std::size_t threads : {1, 2}) {
        if (threads > cpu::usable_cores()) continue;
        for (const std::int64_t tokens : {1, 2, 3, 4, 5, 6, 7, 8}) {
            const std::string title = "gemv/" + of + std::to_string(tokens) + "/threads:" + std::to_string(threads);
            benchmark::RegisterBenchmark(title.c_str(), [=](benchmark::State& state) { gemv(state, format, kernels, tokens, threads); })->UseRealTime();
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    for (const PanelFormat& format : panel_formats) {
        benchmark::RegisterBenchmark(("pack/" + std::string(name(format.format))).c_str(), [&format](benchmark::State& state) { packing(state, format.format); });
        benchmark::RegisterBenchmark(("decode/" + std::string(name(format.format))).c_str(), [&format](benchmark::State& state) { decoding(state, format.format); });
        for (const PanelKernels& kernels : all_panel_kernels()) {
            if (kernels.isa != cpu::Isa::portable && runs_on(kernels.isa, cpu::detect())) add_products(format.format, kernels);
        }
    }
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    std::cerr << choose_panels(cpu::detect()).report << '\n';
    std::cerr << "clock: " << clock_hz() * 1e-9 << " GHz\n";
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
