// page/f32/rows:64/selected:32/picked — format of a page of latents, rows of queries, tokens of the page that they selected, and whether
// those are picked out of it first or the others are left out afterwards. Where picking begins to cost more is latent_attention.cpp's most_picked.
// decode/f32/n:8192/dense, …/sparse, …/index — one query of DeepSeek-V3.2 over n tokens: attention to all, to 2048 of them, and finding those.

#include <memory_resource>
#include <string>
#include <tuple>
#include <vector>

#include <benchmark/benchmark.h>

#include "layers/indexer.hpp"
#include "layers/latent_attention.hpp"
#include "layers/picked_keys.hpp"
#include "ops/kernels.hpp"

using namespace rorqual;
using layers::page_tokens;

namespace {

// DeepSeek-V3.2, from its config.json.
const LatentAttentionShape shape{.heads = 128, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim = 128, .softmax_scale = 0.135234f};
constexpr std::int64_t index_heads = 64, index_head_dim = 128, index_topk = 2048, hidden = 7168, q_lora = 1536;

std::vector<float> values(std::int64_t count, std::uint32_t seed = 1) {
    std::vector<float> all(static_cast<std::size_t>(count));
    for (float& v : all) {
        seed = seed * 1664525U + 1013904223U;
        v = static_cast<float>(seed >> 8) * 0x1p-23F - 1;
    }
    return all;
}

// `count` tokens out of `n`, evenly.
std::vector<std::int32_t> spread(std::int64_t count, std::int64_t n) {
    std::vector<std::int32_t> all;
    for (std::int64_t i = 0; i < count; ++i) all.push_back(static_cast<std::int32_t>(i * n / count));
    return all;
}

// A cache of n tokens, int8 as mode fast has it.
struct Cache {
    std::pmr::memory_resource& memory = *std::pmr::new_delete_resource();
    layers::LatentCache latents;

    Cache(CacheFormat format, std::int64_t n, const ops::Run& run) : latents(format, shape.kv_lora_rank, shape.qk_rope_head_dim, memory) {
        const auto c_kv = values(page_tokens * shape.kv_lora_rank, 2), k_pe = values(page_tokens * shape.qk_rope_head_dim, 3);
        const auto cut = [&](cpu::Arena& arena) { return std::pair(ops::take_room(arena, page_tokens, shape.kv_lora_rank), ops::take_room(arena, page_tokens, shape.qk_rope_head_dim)); };
        cpu::Arena counting;
        (void)cut(counting);
        cpu::Arena arena(counting.bytes(), memory);
        const auto [c_int8, k_int8] = cut(arena);
        for (std::int64_t s = 0; s < n; s += page_tokens) {
            const auto count = std::min(page_tokens, n - s);
            const ConstRows c(c_kv.data(), count, shape.kv_lora_rank), k(k_pe.data(), count, shape.qk_rope_head_dim);
            if (format == CacheFormat::int8) {
                latents.append(ops::quantise(run, c, c_int8), ops::quantise(run, k, k_int8));
            } else {
                latents.append(c, k);
            }
        }
    }
};

void page(benchmark::State& state, CacheFormat format, std::int64_t rows, std::int64_t selected, bool picks) {
    const bool int8 = format == CacheFormat::int8;
    const auto workers = cpu::Workers::caller();
    const ops::Run run{.kernels = ops::best_kernels(), .workers = *workers, .fast = int8};
    const Cache cache(format, page_tokens, run);
    const auto content = values(rows * shape.kv_lora_rank, 4), rope = values(rows * shape.qk_rope_head_dim, 5);
    const auto cut = [&](cpu::Arena& arena) {
        return std::tuple(layers::PageScratch::cut(arena, 1), ops::take_room(arena, rows, shape.kv_lora_rank), ops::take_room(arena, rows, shape.qk_rope_head_dim),
                          ops::take_room(arena, 1, shape.kv_lora_rank), arena.take_rows(page_tokens, shape.kv_lora_rank), arena.take_rows(page_tokens, shape.qk_rope_head_dim),
                          arena.take_rows(rows, shape.kv_lora_rank));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), cache.memory);
    const auto [scratch, content_int8, rope_int8, row, latents, ropes, averages] = cut(arena);
    layers::QueryRows queries{{content.data(), rows, shape.kv_lora_rank}, {rope.data(), rows, shape.qk_rope_head_dim}, page_tokens - 1, rows};
    if (int8) {
        queries.content_int8 = ops::quantise(run, queries.content, content_int8);
        queries.rope_int8 = ops::quantise(run, queries.rope, rope_int8);
    }
    const auto tokens = spread(selected, page_tokens);
    queries.selection = {tokens.data(), selected, page_tokens - 1};
    const auto& block = cache.latents.blocks().front();
    const layers::PageKeys whole{block.latent, block.rope, block.latent};
    std::vector<float> peak(static_cast<std::size_t>(rows)), total(peak.size());
    layers::PickRoom room{latents, ropes, row};
    for (auto _ : state) {
        const auto keys = picks ? layers::pick(whole, queries, page_tokens, room) : whole;
        layers::average_page(run.at(0), shape.softmax_scale, keys, queries, scratch, {peak.data(), total.data(), averages});
        benchmark::ClobberMemory();
    }
}

void decode(benchmark::State& state, CacheFormat format, std::int64_t n, bool sparse) {
    const auto threads = cpu::usable_cores();
    const auto workers = cpu::Workers::pool(threads);
    const auto cut = [&](cpu::Arena& arena) { return std::pair(layers::AttentionScratch::cut(arena, shape, 1, threads, true), ops::Scratch::cut(arena, 0, threads)); };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    const auto [scratch, products] = cut(arena);
    const auto run = ops::Run{.kernels = ops::best_kernels(), .workers = *workers, .fast = format == CacheFormat::int8}.with(products);
    const Cache cache(format, n, run);
    const auto per_head = shape.qk_nope_head_dim + shape.v_head_dim, head = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    auto w = values(shape.heads * per_head * shape.kv_lora_rank, 4);
    for (float& v : w) v *= 0.05f;
    const auto q = values(shape.heads * head, 5);
    std::vector<float> out(static_cast<std::size_t>(shape.heads * shape.v_head_dim));
    const auto tokens = spread(index_topk, n);
    const auto selection = sparse ? layers::Selection{tokens.data(), index_topk, n - 1} : layers::Selection{};
    for (auto _ : state) {
        layers::attend(run, shape, AttentionForm::absorbed, {q.data(), 1, shape.heads * head}, cache.latents.blocks(),
                       {weight_view({w.data(), shape.heads * per_head, shape.kv_lora_rank}), {}, {}}, n - 1, selection, {out.data(), 1, shape.heads * shape.v_head_dim}, scratch);
        benchmark::ClobberMemory();
    }
}

// Finding what one query attends to, its two small products included.
void index(benchmark::State& state, CacheFormat format, std::int64_t n) {
    const auto threads = cpu::usable_cores();
    const auto workers = cpu::Workers::pool(threads);
    const ops::Run run{.kernels = ops::best_kernels(), .workers = *workers};
    auto& memory = *std::pmr::new_delete_resource();
    const auto wq_b = values(index_heads * index_head_dim * q_lora, 4), weights_proj = values(index_heads * hidden, 5);
    const auto x = values(hidden, 6), latent = values(q_lora, 7), keys = values(page_tokens * index_head_dim, 8);
    const layers::Indexer indexer{{hidden, q_lora, index_heads, index_head_dim, index_topk},
                                  {weight_view({wq_b.data(), index_heads * index_head_dim, q_lora}), {}, {}, {}, weight_view({weights_proj.data(), index_heads, hidden})}};
    layers::IndexCache cache(format, index_head_dim, memory);
    for (std::int64_t s = 0; s < n; s += page_tokens) cache.append({keys.data(), page_tokens, index_head_dim});
    const auto cut = [&](cpu::Arena& arena) { return layers::Indexer::Scratch::cut(arena, indexer.config, 1, n, threads); };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), memory);
    const auto scratch = cut(arena);
    const std::vector<float> angle(32, 0.5f);
    const layers::RopeAngles angles{{angle.data(), 1, 32}, {angle.data(), 1, 32}};
    for (auto _ : state) {
        benchmark::DoNotOptimize(indexer.select(run, indexer.query(run, ConstRows(latent.data(), 1, q_lora), ConstRows(x.data(), 1, hidden), angles, scratch), cache, scratch));
    }
}

void add_all() {
    const auto add = [](const std::string& title, auto&& body, benchmark::TimeUnit unit) { benchmark::RegisterBenchmark(title.c_str(), body)->UseRealTime()->Unit(unit); };
    for (const auto& [format, name] : {std::pair{CacheFormat::f32, "f32"}, {CacheFormat::bf16, "bf16"}, {CacheFormat::int8, "int8"}}) {
        for (const std::int64_t rows : {16, 64}) {
            for (const std::int64_t selected : {1, 4, 16, 32, 64, 96, 128}) {
                for (const bool picks : {false, true}) {
                    add(
                        std::string("page/") + name + "/rows:" + std::to_string(rows) + "/selected:" + std::to_string(selected) + (picks ? "/picked" : "/left_out"),
                        [=, f = format](benchmark::State& state) { page(state, f, rows, selected, picks); }, benchmark::kMicrosecond);
                }
            }
        }
        for (const std::int64_t n : {2048, 8192, 32768}) {
            const auto title = std::string("decode/") + name + "/n:" + std::to_string(n);
            add(
                title + "/dense", [=, f = format](benchmark::State& state) { decode(state, f, n, false); }, benchmark::kMillisecond);
            if (n == index_topk) continue;
            add(
                title + "/sparse", [=, f = format](benchmark::State& state) { decode(state, f, n, true); }, benchmark::kMillisecond);
            add(
                title + "/index", [=, f = format](benchmark::State& state) { index(state, f, n); }, benchmark::kMillisecond);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    add_all();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
