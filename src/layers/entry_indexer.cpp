#include "layers/entry_indexer.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/ceil_div.hpp"
#include "layers/hadamard.hpp"
#include "ops/top_k/pick_top_k.hpp"

namespace rorqual::layers {
namespace {

constexpr std::int64_t keys_at_once = 128;
constexpr std::int64_t scores_at_once = std::int64_t{1} << 20;

}  // namespace

EntryIndexer::Scratch EntryIndexer::Scratch::cut(cpu::Arena& arena, const Config& config, std::int64_t entries, std::size_t workers) {
    const auto w = static_cast<std::int64_t>(workers);
    return {.q = arena.take_rows(page_tokens, config.heads * config.width),
            .weights = arena.take_rows(page_tokens, config.heads),
            .keys = arena.take_rows(w * keys_at_once, config.width),
            .products = arena.take_rows(w * config.heads, keys_at_once),
            .scores = arena.take<float>(std::clamp(scores_at_once, entries, entries * page_tokens)),
            .ids = arena.take<std::int32_t>(page_tokens * config.top_k)};
}

// scores [T, N] of queries from `query` on with the first N entries. Each is a sum over heads in ascending order of products that
// depend on nothing beside it.
void EntryIndexer::score(const ops::Run& run, const SharedKvCache& cache, std::int64_t query, Rows scores, const Scratch& scratch) const {
    const auto entries = scores.cols;
    const auto blocks = ceil_div(entries, keys_at_once);
    const auto heads = config.heads, d = config.width;
    run.parallel_for(blocks, [&](std::int64_t block, std::size_t worker) {
        const auto w = static_cast<std::int64_t>(worker);
        const auto first = block * keys_at_once, n = std::min(keys_at_once, entries - first);
        const auto keys = scratch.keys.slice_rows(w * keys_at_once, n);
        for (std::int64_t i = 0; i < n; ++i) cache.get_index_key(first + i, keys.row(i));
        const auto products = scratch.products.slice_rows(w * heads, heads).slice_cols(0, n);
        for (std::int64_t t = 0; t < scores.rows; ++t) {
            const ConstRows q(scratch.q.row(query + t).data(), heads, d);
            ops::matmul(run.at(worker), weight_view(keys), q, products);
            const auto weight = scratch.weights.row(query + t);
            float* const to = scores.row(t).data() + first;
            std::fill_n(to, n, 0.0f);
            for (std::int64_t h = 0; h < heads; ++h) {
                const float* const p = products.row(h).data();
                for (std::int64_t i = 0; i < n; ++i) to[i] += weight[static_cast<std::size_t>(h)] * std::max(p[i], 0.0f);
            }
        }
    });
}

std::span<const std::int32_t> EntryIndexer::choose(const ops::Run& run, const ops::Input& x, const ops::Input& latents, const RopeAngles& angles,
                                                   const SharedKvCache& cache, std::int64_t first, const Scratch& scratch) const {
    const auto T = x.x.rows, k = config.top_k;
    const auto chosen = [&](std::int64_t t) { return scratch.ids.subspan(static_cast<std::size_t>(t * k), static_cast<std::size_t>(k)); };
    const auto visible = [&](std::int64_t t) { return cache.visible_entries(first + t); };
    std::int64_t t = 0;  // queries that see few get all
    for (; t < T && visible(t) <= k; ++t) std::iota(chosen(t).begin(), chosen(t).begin() + visible(t), 0);
    const auto all = scratch.ids.first(static_cast<std::size_t>(T * k));
    if (t == T) return all;

    const auto q = scratch.q.slice_rows(0, T), weight = scratch.weights.slice_rows(0, T);
    ops::matmul(run, wq, latents, q);
    ops::rope(angles.cos, angles.sin, RopePairs::adjacent, config.heads, config.width, config.width - config.rope, q);
    if (cache.transforms_index_keys()) run.parallel_for(T, [&](std::int64_t i, std::size_t) { hadamard(q.row(i), config.width); });
    ops::matmul(run, weights, x, weight);
    const float scale = 1 / std::sqrt(static_cast<float>(config.width * config.heads));
    for (std::int64_t i = 0; i < T; ++i) {
        for (float& w : weight.row(i)) w *= scale;
    }
    for (std::int64_t count; t < T; t += count) {
        const auto entries = visible(T - 1);
        count = std::min(static_cast<std::int64_t>(scratch.scores.size()) / entries, T - t);
        const Rows scores(scratch.scores.data(), count, entries);
        score(run, cache, t, scores, scratch);
        run.parallel_for(count, [&](std::int64_t i, std::size_t) {
            ops::pick_top_k(scores.row(i).first(static_cast<std::size_t>(visible(t + i))), chosen(t + i));
        });
    }
    return all;
}

}  // namespace rorqual::layers
