// matmul/f32/avx512/v2_lite.q_proj/T:32/threads:2 — operation, weights' format, who computes, shape, tokens, threads.
// Counters: flops and what part of the FMA peak of that instruction set (all threads) they are; bytes of weights and the part of
// the measured read bandwidth. Weights of one benchmark stay in memory between rounds: matrices below the last cache's size are read from there.

#include <cmath>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "ops/limits.hpp"
#include "ops/run.hpp"
#include "shapes.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using bench::MatrixShape;

namespace {

/// Who computes: own kernels of one instruction set, or a library.
struct Engine {
    std::string name;
    cpu::Isa isa;
    ops::Gemm gemm;
};

struct Case {
    std::string op;
    DType format;
    Engine engine;
    MatrixShape shape;
    std::int64_t tokens;
    std::size_t threads;
};

std::vector<float> values(std::int64_t count) {
    std::vector<float> all(static_cast<std::size_t>(count));
    std::uint32_t state = 1;
    for (float& v : all) {
        state = state * 1664525U + 1013904223U;
        v = static_cast<float>(state >> 8) * 0x1p-23F - 1;
    }
    return all;
}

/// Weights that are the same numbers in f32, f16 and bf16.
std::vector<std::byte> weights(DType format, std::int64_t count) {
    const auto bytes = static_cast<std::size_t>(block_bytes(format));
    std::vector<std::byte> stored(static_cast<std::size_t>(count) * bytes);
    const float choice[] = {-2, -1, 0.5F, 1, 2, -0.5F, 0, 1};
    const std::uint16_t halves[] = {0xc000, 0xbc00, 0x3800, 0x3c00, 0x4000, 0xb800, 0, 0x3c00};
    std::uint32_t state = 7;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        state = state * 1664525U + 1013904223U;
        const std::size_t pick = state >> 29;
        if (format == DType::f32)
            std::memcpy(&stored[i * 4], &choice[pick], 4);
        else if (format == DType::f16)
            std::memcpy(&stored[i * 2], &halves[pick], 2);
        else
            std::memcpy(&stored[i * 2], reinterpret_cast<const std::byte*>(&choice[pick]) + 2, 2);
    }
    return stored;
}

/// Empty, or how the result differs from the portable kernel's (in a few rows of W spread over the matrix).
std::string difference(const WeightView& w, bool transposed, const ConstRows& x, const Rows& y) {
    const ops::Kernels reference = ops::choose(cpu::detect(), "portable");
    const std::int64_t inputs = transposed ? w.rows : w.cols, outputs = transposed ? w.cols : w.rows;
    const std::int64_t step = transposed ? 1 : std::max<std::int64_t>(1, outputs / 61);
    const double allowed = 2 * tolerance::f32_dot(inputs) * 2 * static_cast<double>(inputs);  // |x| ≤ 1, |w| ≤ 2
    std::vector<float> whole(static_cast<std::size_t>(transposed ? x.rows * outputs : x.rows));
    if (transposed) ops::matmul_transposed(ops::Worker{reference}, w, x, Rows{whole.data(), x.rows, outputs});
    for (std::int64_t n = 0; n < outputs; n += step) {
        if (!transposed) ops::matmul(ops::Worker{reference}, w.slice_rows(n, 1), x, Rows{whole.data(), x.rows, 1});
        for (std::int64_t t = 0; t < x.rows; ++t) {
            const float expected = whole[static_cast<std::size_t>(transposed ? t * outputs + n : t)];
            if (!(std::abs(y.data[t * y.stride + n] - expected) <= allowed)) return "differs from the reference at token " + std::to_string(t) + ", output " + std::to_string(n);
        }
    }
    return {};
}

double bandwidth(cpu::Workers& workers) {
    static std::map<std::size_t, double> known;
    const auto found = known.find(workers.count());
    return found != known.end() ? found->second : known[workers.count()] = bench::read_bandwidth(workers);
}

double peak(cpu::Isa isa) {
    static std::map<cpu::Isa, double> known;
    const auto found = known.find(isa);
    return found != known.end() ? found->second : known[isa] = bench::peak_flops(isa);
}

void product(benchmark::State& state, const Case& c) {
    const bool transposed = c.op == "matmul_transposed";
    const MatrixShape& s = c.shape;
    const auto stored = weights(c.format, s.outputs * s.inputs);
    const WeightView w{c.format, stored.data(), transposed ? s.inputs : s.outputs, transposed ? s.outputs : s.inputs};
    const auto in = values(c.tokens * s.inputs);
    std::vector<float> out(static_cast<std::size_t>(c.tokens * s.outputs));
    const ConstRows x(in.data(), c.tokens, s.inputs);
    const Rows y(out.data(), c.tokens, s.outputs);
    const ops::Kernels kernels = ops::choose(cpu::detect(), name(c.engine.isa));
    const auto workers = cpu::Workers::pool(c.threads);
    const ops::Run run{kernels, *workers, nullptr, c.engine.gemm};
    const auto compute = [&] {
        if (transposed)
            ops::matmul_transposed(run, w, x, y);
        else
            ops::matmul(run, w, x, y);
    };
    compute();
    if (const std::string wrong = difference(w, transposed, x, y); !wrong.empty()) return state.SkipWithError(wrong.c_str());
    for (auto _ : state) {
        compute();
        benchmark::ClobberMemory();
    }
    const double flops = 2.0 * static_cast<double>(s.outputs) * static_cast<double>(s.inputs) * static_cast<double>(c.tokens);
    const double rounds = static_cast<double>(state.iterations());
    const auto threads = static_cast<double>(c.threads);
    using benchmark::Counter;
    state.counters["flops"] = Counter(flops * rounds, Counter::kIsRate);
    state.counters["of_peak"] = Counter(flops * rounds / (threads * peak(c.engine.isa)), Counter::kIsRate);
    state.counters["weight_bytes"] = Counter(static_cast<double>(w.bytes()) * rounds, Counter::kIsRate, Counter::kIs1024);
    state.counters["of_bandwidth"] = Counter(static_cast<double>(w.bytes()) * rounds / bandwidth(*workers), Counter::kIsRate);
}

void add(Case c) {
    const std::string title = c.op + "/" + std::string(name(c.format)) + "/" + c.engine.name + "/" + std::string(c.shape.name) + "/T:" +
                              std::to_string(c.tokens) + "/threads:" + std::to_string(c.threads);
    auto* added = benchmark::RegisterBenchmark(title.c_str(), [c](benchmark::State& state) { product(state, c); });
    if (c.threads > 1) added->UseRealTime();
}

std::vector<Engine> engines() {
    std::vector<Engine> list;
    for (const cpu::Isa isa : cpu::all_isas()) {
        if (runs_on(isa, cpu::detect()) && ops::choose(cpu::detect(), name(isa)).isa == isa) list.push_back({std::string(name(isa)), isa, ops::Gemm::own});
    }
    const cpu::Isa best = list.back().isa;
    if (has(ops::Gemm::onednn)) list.push_back({"onednn", best, ops::Gemm::onednn});
    list.push_back({"eigen", best, ops::Gemm::eigen});
    return list;
}

void add_all() {
    std::vector<std::size_t> thread_counts = {1};
    if (cpu::usable_cores() > 1) thread_counts.push_back(cpu::usable_cores());
    for (const std::size_t threads : thread_counts) {
        for (const Engine& engine : engines()) {
            for (const DType format : {DType::f32, DType::f16, DType::bf16}) {
                if (engine.gemm != ops::Gemm::own && format != DType::f32) continue;
                for (const std::int64_t tokens : bench::token_counts) {
                    if (engine.gemm != ops::Gemm::own && tokens < ops::library_rows) continue;
                    for (const MatrixShape& shape : bench::matrix_shapes) add({tokens == 1 ? "matvec" : "matmul", format, engine, shape, tokens, threads});
                    if (engine.gemm != ops::Gemm::own) continue;
                    for (const MatrixShape& shape : bench::transposed_shapes) add({"matmul_transposed", format, engine, shape, tokens, threads});
                }
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    add_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    for (const std::string& line : ops::choose(cpu::detect()).report) std::cerr << line << '\n';
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
