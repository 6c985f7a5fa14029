// attend/absorbed/f32/T:1/n:2048/threads:2 — form, cache, queries, cached tokens before them, threads.
// mix/bf16/T:512/threads:2 — experts' format, tokens, threads.
// Counters: flops and what part of the FMA peak (all threads) they are; bytes of cache or of weights read and the part of the
// measured read bandwidth. Attention counts what its form has to do for the tokens each query sees; every result is compared with
// that of the other form, or with one token at a time, before it is timed.

#include <cmath>
#include <iostream>
#include <memory_resource>
#include <string>
#include <tuple>
#include <vector>

#include <benchmark/benchmark.h>

#include "layers/experts.hpp"
#include "layers/latent_attention.hpp"
#include "layers/latent_cache.hpp"
#include "ops/limits.hpp"
#include "tolerance.hpp"

using namespace rorqual;

namespace {

// DeepSeek-V2-Lite, from its config.json.
const LatentAttentionShape v2_lite{.heads = 16, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim = 128, .softmax_scale = 0.114722f};
const layers::ExpertsShape v2_lite_experts{.experts = 64, .experts_per_token = 6, .hidden = 2048, .width = 1408};

std::vector<float> values(std::int64_t count, std::uint32_t seed = 1) {
    std::vector<float> all(static_cast<std::size_t>(count));
    for (float& v : all) {
        seed = seed * 1664525U + 1013904223U;
        v = static_cast<float>(seed >> 8) * 0x1p-23F - 1;
    }
    return all;
}

double largest_difference(std::span<const float> a, std::span<const float> b) {
    double most = 0, size = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        most = std::max(most, std::abs(double{a[i]} - b[i]));
        size = std::max(size, std::abs(double{b[i]}));
    }
    return most / size;
}

void report(benchmark::State& state, double flops, double bytes, std::size_t threads, cpu::Workers& workers, cpu::Isa isa) {
    static const double peak = bench::peak_flops(isa);
    static const double bandwidth = bench::read_bandwidth(workers);
    using benchmark::Counter;
    const auto rounds = static_cast<double>(state.iterations());
    state.counters["flops"] = Counter(flops * rounds, Counter::kIsRate);
    state.counters["of_peak"] = Counter(flops * rounds / (static_cast<double>(threads) * peak), Counter::kIsRate);
    state.counters["bytes"] = Counter(bytes * rounds, Counter::kIsRate, Counter::kIs1024);
    state.counters["of_bandwidth"] = Counter(bytes * rounds / bandwidth, Counter::kIsRate);
}

struct AttentionCase {
    AttentionForm form;
    CacheFormat cache;
    std::int64_t queries, cached;
    std::size_t threads;
};

void attention(benchmark::State& state, const AttentionCase& c) {
    const auto& s = v2_lite;
    const auto n = c.cached + c.queries;
    const auto head = s.qk_nope_head_dim + s.qk_rope_head_dim, per_head = s.qk_nope_head_dim + s.v_head_dim;
    const auto q = values(c.queries * s.heads * head), latent = values(n * s.kv_lora_rank, 2), rope = values(n * s.qk_rope_head_dim, 3);
    auto w = values(s.heads * per_head * s.kv_lora_rank, 4);
    for (float& v : w) v *= 0.05f;  // scores of a few units, as in a trained model
    auto& memory = *std::pmr::new_delete_resource();
    layers::LatentCache cache(c.cache, s.kv_lora_rank, s.qk_rope_head_dim, memory);
    const auto workers = cpu::Workers::pool(c.threads);
    const bool int8 = c.cache == CacheFormat::int8;
    const auto cut = [&](cpu::Arena& arena) {
        return std::tuple(layers::AttentionScratch::cut(arena, s, c.queries, c.threads), ops::Scratch::cut(arena, 0, c.threads),
                          ops::take_room(arena, n, s.kv_lora_rank), ops::take_room(arena, n, s.qk_rope_head_dim));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), memory);
    const auto [scratch, products, latent_int8, rope_int8] = cut(arena);
    const auto run = ops::Run{.kernels = ops::best_kernels(), .workers = *workers, .fast = int8}.with(products);
    const ConstRows latents(latent.data(), n, s.kv_lora_rank), ropes(rope.data(), n, s.qk_rope_head_dim);
    if (int8) {
        cache.append(ops::quantise(run, latents, latent_int8), ops::quantise(run, ropes, rope_int8));
    } else {
        cache.append(latents, ropes);
    }
    const auto compute = [&](AttentionForm form) {
        std::vector<float> out(static_cast<std::size_t>(c.queries * s.heads * s.v_head_dim));
        layers::attend(run, s, form, {q.data(), c.queries, s.heads * head}, cache.blocks(), {weight_view({w.data(), s.heads * per_head, s.kv_lora_rank}), {}, {}},
                       c.cached, {}, {out.data(), c.queries, s.heads * s.v_head_dim}, scratch);
        return out;
    };
    // Scores reach some tens in magnitude before they cancel; the forms round to int8 at different places.
    const double allowed = int8 ? 0.25 : 8 * tolerance::attention(s.kv_lora_rank, n, 40);
    if (!(largest_difference(compute(AttentionForm::absorbed), compute(AttentionForm::naive)) <= allowed)) {
        return state.SkipWithError("absorbed and naive attention differ");
    }
    for (auto _ : state) benchmark::DoNotOptimize(compute(c.form));
    const auto T = static_cast<double>(c.queries), H = static_cast<double>(s.heads), L = static_cast<double>(s.kv_lora_rank);
    const auto R = static_cast<double>(s.qk_rope_head_dim), P = static_cast<double>(per_head), D = static_cast<double>(s.v_head_dim + head);
    const double seen = T * static_cast<double>(c.cached) + T * (T + 1) / 2;  // query and key pairs
    const double macs = c.form == AttentionForm::absorbed ? H * (seen * (2 * L + R) + T * L * P) : H * (seen * D + static_cast<double>(n) * L * P);
    report(state, 2 * macs, static_cast<double>(n) * static_cast<double>(layers::LatentCache::bytes_per_token(c.cache, s.kv_lora_rank, s.qk_rope_head_dim)),
           c.threads, *workers, ops::best_kernels().isa);
}

void mixing(benchmark::State& state, DType format, std::int64_t tokens, std::size_t threads) {
    const auto& s = v2_lite_experts;
    // All experts share one large array, at different places: what is read is as much as 64 of their own would be.
    const auto bytes = static_cast<std::size_t>(3 * s.hidden * s.width * block_bytes(format));
    std::vector<std::byte> stored(static_cast<std::size_t>(s.experts) * bytes);
    const auto some = values(1 << 20, 9);
    for (std::size_t i = 0; i < stored.size() / static_cast<std::size_t>(block_bytes(format)); ++i) {
        const float v = 0.02f * some[i % some.size()];
        const auto* const from = reinterpret_cast<const std::byte*>(&v) + (format == DType::bf16 ? 2 : 0);
        std::copy_n(from, block_bytes(format), stored.data() + i * static_cast<std::size_t>(block_bytes(format)));
    }
    std::vector<Expert> experts;
    for (std::int64_t e = 0; e < s.experts; ++e) {
        const auto* const at = stored.data() + static_cast<std::size_t>(e) * bytes;
        experts.push_back({{format, at, s.width, s.hidden}, {format, at + bytes / 3, s.width, s.hidden}, {format, at + bytes / 3 * 2, s.hidden, s.width}});
    }
    const auto x = values(tokens * s.hidden, 5);
    const auto weights = values(tokens * s.experts_per_token, 6);
    std::vector<std::int32_t> ids;
    for (std::int64_t slot = 0; slot < tokens * s.experts_per_token; ++slot) {
        ids.push_back(static_cast<std::int32_t>((slot / s.experts_per_token * 7 + slot % s.experts_per_token * 11) % s.experts));
    }
    const auto workers = cpu::Workers::pool(threads);
    const auto cut = [&](cpu::Arena& arena) {
        return std::pair(layers::FfnScratch::cut(arena, layers::ExpertsScratch::inner_values(s, tokens)), layers::ExpertsScratch::cut(arena, s, tokens, threads));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    const auto [inner, scratch] = cut(arena);
    std::vector<float> y(x.size());
    const auto compute = [&] {
        layers::mix_experts({ops::best_kernels(), *workers}, experts, s, {ids, weights}, ConstRows(x.data(), tokens, s.hidden), {y.data(), tokens, s.hidden}, inner, scratch);
    };
    compute();
    std::vector<float> last(static_cast<std::size_t>(s.hidden));
    const auto k = static_cast<std::size_t>(s.experts_per_token);
    rorqual::mix_experts(experts, s.experts_per_token, std::span(ids).last(k), std::span(weights).last(k),
                         {x.data() + (tokens - 1) * s.hidden, 1, s.hidden}, {last.data(), 1, s.hidden});
    if (!std::ranges::equal(last, std::span(y).last(last.size()))) return state.SkipWithError("a token's mix depends on the others");
    for (auto _ : state) {
        compute();
        benchmark::ClobberMemory();
    }
    const auto used = std::min<double>(static_cast<double>(ids.size()), static_cast<double>(s.experts));
    report(state, 2.0 * static_cast<double>(ids.size()) * 3 * static_cast<double>(s.hidden * s.width), used * static_cast<double>(bytes), threads, *workers,
           ops::best_kernels().isa);
}

const char* name_of(AttentionForm form) { return form == AttentionForm::naive ? "naive" : "absorbed"; }

void add_all() {
    const auto cores = cpu::usable_cores();
    for (const std::size_t threads : cores > 1 ? std::vector<std::size_t>{1, cores} : std::vector<std::size_t>{1}) {
        const std::string tail = "/threads:" + std::to_string(threads);
        for (const auto& [cache, cache_name] : {std::pair{CacheFormat::f32, "/f32"}, {CacheFormat::bf16, "/bf16"}, {CacheFormat::int8, "/int8"}}) {
            for (const auto& [T, n] : {std::pair<std::int64_t, std::int64_t>{1, 127}, {1, 2048}, {1, 8192}, {512, 0}, {512, 2048}}) {
                for (const auto form : {AttentionForm::absorbed, AttentionForm::naive}) {
                    if (T == 1 && form == AttentionForm::naive) continue;  // 17 to 30 times the work
                    const auto title = std::string("attend/") + name_of(form) + cache_name + "/T:" + std::to_string(T) +
                                       "/n:" + std::to_string(n) + tail;
                    const AttentionCase c{form, cache, T, n, threads};
                    benchmark::RegisterBenchmark(title.c_str(), [c](benchmark::State& state) { attention(state, c); })->UseRealTime()->Unit(benchmark::kMillisecond);
                }
            }
        }
        for (const auto format : {DType::f32, DType::bf16}) {
            for (const std::int64_t T : {1, 32, 512}) {
                const auto title = "mix/" + std::string(name(format)) + "/T:" + std::to_string(T) + tail;
                benchmark::RegisterBenchmark(title.c_str(), [=](benchmark::State& state) { mixing(state, format, T, threads); })->UseRealTime()->Unit(benchmark::kMillisecond);
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    add_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    for (const std::string& line : ops::best_kernels().report) std::cerr << line << '\n';
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
