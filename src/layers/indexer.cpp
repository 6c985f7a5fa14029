#include "layers/indexer.hpp"

#include <algorithm>
#include <cmath>

#include "base/ceil_div.hpp"
#include "ops/layer_norm/layer_norm.hpp"
#include "ops/top_k/pick_top_k.hpp"
#include "rorqual/ops.hpp"

namespace rorqual::layers {
namespace {

constexpr std::int64_t task_pages = 4;  // of keys that one task scores for a query

// scores[s] = Σ_h w[h]·relu(products[h,s]), heads in ascending order. V3.2 eq. (1).
void add_up_heads(const Rows& products, std::span<const float> w, float* scores) noexcept {
    std::fill_n(scores, products.cols, 0.0f);
    for (std::int64_t h = 0; h < products.rows; ++h) {
        const float weight = w[static_cast<std::size_t>(h)];
        const float* const row = products.data + h * products.stride;
        for (std::int64_t s = 0; s < products.cols; ++s) scores[s] += weight * (row[s] > 0 ? row[s] : 0);
    }
}

}  // namespace

ConstRows Indexer::keys(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const {
    const auto k = scratch.k.slice_rows(0, x.x.rows);
    ops::matmul(run, weights.wk, x, k);
    ops::layer_norm(k, weights.k_norm_weight, weights.k_norm_bias, norm_eps, k);
    ops::rope(angles.cos, angles.sin, RopePairs::halves, 1, config.head_dim, 0, k);
    return k;
}

Indexer::Query Indexer::query(const ops::Run& run, const ops::Input& latent, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const {
    const auto T = x.x.rows;
    const auto q = scratch.q.slice_rows(0, T), w = scratch.head_weights.slice_rows(0, T);
    ops::matmul(run, weights.wq_b, latent, q);
    ops::rope(angles.cos, angles.sin, RopePairs::halves, config.heads, config.head_dim, 0, q);
    ops::matmul(run, weights.weights_proj, x.x, w);
    const float scale = 1 / std::sqrt(static_cast<float>(config.heads * config.head_dim));
    for (std::int64_t t = 0; t < T; ++t) {
        for (float& weight : w.row(t)) weight *= scale;
    }
    return {q, w};
}

Selection Indexer::select(const ops::Run& run, const Query& query, const IndexCache& cache, const Scratch& scratch) const {
    if (!selects(cache.position())) return {};
    const auto T = query.q.rows, first = cache.position() - T;
    const Selection selection{scratch.selected.data(), config.top_k, first};
    for (std::int64_t t = 0, count; t < T; t += count) {
        count = std::min(scratch.queries, T - t);
        score(run, cache, query.slice_rows(t, count), first + t, scratch);
        run.parallel_for(count, [&](std::int64_t i, std::size_t) {
            const auto position = first + t + i;
            const auto chosen = scratch.selected.subspan(static_cast<std::size_t>((t + i) * config.top_k), static_cast<std::size_t>(selection.count(position)));
            ops::pick_top_k(scratch.scores.row(i).first(static_cast<std::size_t>(position + 1)), chosen);
        });
    }
    return selection;
}

// scratch.scores[t, s] of a few queries at positions first … for every token s up to them.
void Indexer::score(const ops::Run& run, const IndexCache& cache, const Query& query, std::int64_t first, const Scratch& scratch) const {
    const ConstRows q = query.q, head_weights = query.head_weights;
    const auto parts = ceil_div(first + q.rows, task_pages * page_tokens);
    run.parallel_for(q.rows * parts, [&](std::int64_t task, std::size_t worker) {
        const auto t = task / parts, seen = first + t + 1;
        const ConstRows heads{q.row(t).data(), config.heads, config.head_dim};
        const auto end = std::min((task % parts + 1) * task_pages, pages_for(seen));
        for (auto page = task % parts * task_pages; page < end; ++page) {
            const auto from = page * page_tokens;
            const auto keys = cache.page(page).slice_rows(0, std::min(page_tokens, seen - from));
            const auto products = scratch.products.slice_rows(static_cast<std::int64_t>(worker) * config.heads, config.heads).slice_cols(0, keys.rows);
            ops::matmul(run.at(worker), keys, heads, products);
            add_up_heads(products, head_weights.row(t), scratch.scores.row(t).data() + from);
        }
    });
}

Indexer::Scratch Indexer::Scratch::cut(cpu::Arena& arena, const Config& config, std::int64_t chunk, std::int64_t context, std::size_t workers) {
    Scratch s;
    s.k = arena.take_rows(chunk, config.head_dim);
    if (context <= config.top_k) return s;
    const auto w = static_cast<std::int64_t>(workers);
    s.queries = std::min(chunk, 4 * w);
    s.q = arena.take_rows(chunk, config.heads * config.head_dim);
    s.head_weights = arena.take_rows(chunk, config.heads);
    s.products = arena.take_rows(w * config.heads, page_tokens);
    s.scores = arena.take_rows(s.queries, context);
    s.selected = arena.take<std::int32_t>(chunk * config.top_k);
    return s;
}

}  // namespace rorqual::layers
