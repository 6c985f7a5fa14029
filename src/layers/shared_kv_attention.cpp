#include "layers/shared_kv_attention.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "base/ceil_div.hpp"
#include "layers/hadamard.hpp"

namespace rorqual::layers {
namespace {

constexpr std::int64_t row_block = PageScratch::rows;  // heads that look at one block of keys together, at most
constexpr std::int64_t fewest_heads = 8;               // and at least: each such part decodes the keys again

// The average of all that row r saw, with a sink that takes its part of the weight and gives no value.
void finish_with_sink(const Averages& sum, std::int64_t r, float sink, std::span<float> to) {
    const float peak = std::max(sum.peak[r], sink);
    const float keep = sum.peak[r] == peak ? 1 : std::exp(sum.peak[r] - peak);
    const float total = sum.total[r] * keep + (sink == peak ? 1 : std::exp(sink - peak));
    const float* const values = sum.values.data + r * sum.values.stride;
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = values[i] * (keep / total);
}

Averages take_averages(cpu::Arena& arena, std::int64_t rows, std::int64_t width) {
    return {arena.take<float>(rows).data(), arena.take<float>(rows).data(), arena.take_rows(rows, width)};
}

}  // namespace

// The keys one query sees, in blocks of up to 128: tokens of its window, then entries in ascending order. Which key is in which block
// depends on the query's position alone.
struct SharedKvAttention::VisibleKeys {
    const SharedKvCache& cache;
    std::int64_t first_token, tokens;
    std::span<const std::int32_t> chosen;  // ids of entries, where `selects`
    std::int64_t entries;
    bool selects;

    [[nodiscard]] std::int64_t token_blocks() const noexcept { return ceil_div(tokens, page_tokens); }
    [[nodiscard]] std::int64_t blocks() const noexcept { return token_blocks() + ceil_div(entries, page_tokens); }
    // The keys of a block, where they lie or in `room`.
    [[nodiscard]] ConstRows gather(std::int64_t block, const Rows& room) const {
        if (block < token_blocks()) {
            const auto first = block * page_tokens;
            return cache.get_keys(first_token + first, room.slice_rows(0, std::min(page_tokens, tokens - first)));
        }
        const auto first = (block - token_blocks()) * page_tokens;
        const auto keys = room.slice_rows(0, std::min(page_tokens, entries - first));
        for (std::int64_t i = 0; i < keys.rows; ++i) {
            cache.get_entry(selects ? chosen[static_cast<std::size_t>(first + i)] : first + i, keys.row(i));
        }
        return keys;
    }
};

SharedKvAttention::Scratch SharedKvAttention::Scratch::cut(cpu::Arena& arena, const Config& config, const EntryIndexer::Config* indexer,
                                                           std::int64_t entries, std::size_t workers) {
    const auto w = static_cast<std::int64_t>(workers);
    const auto d = config.width;
    Scratch s{.q_latent = arena.take_rows(page_tokens, config.q_lora_rank),
              .q = arena.take_rows(page_tokens, config.q_width()),
              .kv = arena.take_rows(page_tokens, d),
              .grouped = arena.take_rows(page_tokens, config.o_groups * config.o_lora_rank),
              .cos = arena.take_rows(page_tokens, config.rope / 2),
              .sin = arena.take_rows(page_tokens, config.rope / 2),
              .minus_sin = arena.take_rows(page_tokens, config.rope / 2),
              .keys = arena.take_rows(w * page_tokens, d),
              .entries = arena.take_rows(w, d),
              .sums = take_averages(arena, w * row_block, d),
              .block = take_averages(arena, w * row_block, d),
              .pages = PageScratch::cut(arena, workers),
              .compressor = Compressor::Scratch::cut(arena, {.rope = config.rope}, workers),
              .indexer = {},
              .q_latent_int8 = ops::take_room(arena, page_tokens, config.q_lora_rank),
              .group_int8 = ops::take_room(arena, page_tokens, config.group_width()),
              .grouped_int8 = ops::take_room(arena, page_tokens, config.o_groups * config.o_lora_rank)};
    if (indexer) s.indexer = EntryIndexer::Scratch::cut(arena, *indexer, entries, workers);
    return s;
}

SharedKvSizes SharedKvAttention::cache_sizes() const noexcept {
    SharedKvSizes sizes{.window = config.window, .width = config.width, .rope = config.rope};
    if (compressor) {
        sizes.ratio = compressor->config.ratio;
        sizes.waiting_width = compressor->config.waiting_width();
        sizes.lookback = compressor->config.lookback();
    }
    if (indexer) {
        sizes.index_width = indexer->config.width;
        sizes.index_waiting_width = indexer->compressor.config.waiting_width();
    }
    return sizes;
}

void SharedKvAttention::forward(const ops::Run& run, const ops::Input& x, const Rope& rope, SharedKvCache& cache, Rows y, const Scratch& scratch) const {
    const auto T = x.x.rows;
    cache.reserve(cache.position() + T);
    for (std::int64_t t = 0, count; t < T; t += count) {
        count = cache.begin(T - t);
        forward_page(run, x.slice_rows(t, count), rope, cache, y.slice_rows(t, count), scratch);
    }
}

void SharedKvAttention::forward_page(const ops::Run& run, const ops::Input& x, const Rope& rope, SharedKvCache& cache, Rows y,
                                     const Scratch& scratch) const {
    const auto T = x.x.rows;
    const auto cos = scratch.cos.slice_rows(0, T), sin = scratch.sin.slice_rows(0, T), minus_sin = scratch.minus_sin.slice_rows(0, T);
    rope.angles(cache.position(), cos, sin);
    for (std::int64_t t = 0; t < T; ++t) std::ranges::transform(sin.row(t), minus_sin.row(t).begin(), std::negate());
    const RopeAngles angles{cos, sin};
    const auto nope = config.width - config.rope;

    const auto latent = scratch.q_latent.slice_rows(0, T), q = scratch.q.slice_rows(0, T);
    read(run, x, cache, latent, scratch);
    ops::rms_norm(run, latent, weights.q_norm, config.norm_eps, latent);
    const auto latents = ops::input(run, latent, scratch.q_latent_int8);
    ops::matmul(run, weights.wq_b, latents, q);
    const Rows heads(q.data, T * config.heads, config.width);
    ops::rms_norm(run, heads, weights.no_scale, config.norm_eps, heads);
    ops::rope(cos, sin, RopePairs::adjacent, config.heads, config.width, nope, q);

    remember(run, scratch.kv.slice_rows(0, T), angles, rope, cache, scratch);
    std::span<const std::int32_t> chosen;
    if (indexer) chosen = indexer->choose(run, x, latents, angles, cache, cache.position(), scratch.indexer);
    attend(run, chosen, cache, q, scratch);
    ops::rope(cos, minus_sin, RopePairs::adjacent, config.heads, config.width, nope, q);  // keys came rotated, and they are the values
    project(run, q, y, scratch);
    cache.advance(T);
}

// All that is made of x itself: W_q_a·x, W_kv·x and the compressors' products.
void SharedKvAttention::read(const ops::Run& run, const ops::Input& x, SharedKvCache& cache, Rows latent, const Scratch& scratch) const {
    const auto T = x.x.rows, position = cache.position();
    const ops::Product q{weights.wq_a, x, latent}, kv{weights.wkv, x, scratch.kv.slice_rows(0, T)};
    if (!compressor) return ops::matmul(run, std::array{q, kv});
    const auto waiting = cache.waiting(position, T);
    const auto entries = compressor->projections(x, waiting);
    if (indexer) {
        const auto keys_waiting = cache.index_waiting(position, T);
        const auto keys = indexer->compressor.projections(x, keys_waiting);
        ops::matmul(run, std::array{q, kv, entries[0], entries[1], keys[0], keys[1]});
        indexer->compressor.add_bias(position, keys_waiting);
    } else {
        ops::matmul(run, std::array{q, kv, entries[0], entries[1]});
    }
    compressor->add_bias(position, waiting);
}

// kv = RoPE(RMSNorm(kv)), and what the compressors make of x.
void SharedKvAttention::remember(const ops::Run& run, Rows kv, const RopeAngles& angles, const Rope& rope, SharedKvCache& cache, const Scratch& scratch) const {
    ops::rms_norm(run, kv, weights.kv_norm, config.norm_eps, kv);
    ops::rope(angles.cos, angles.sin, RopePairs::adjacent, 1, config.width, config.width - config.rope, kv);
    for (std::int64_t t = 0; t < kv.rows; ++t) cache.put_key(cache.position() + t, kv.row(t));
    if (compressor) compress(run, kv.rows, rope, cache, scratch);
}

// The entries whose last token is among the T that come.
void SharedKvAttention::compress(const ops::Run& run, std::int64_t T, const Rope& rope, SharedKvCache& cache, const Scratch& scratch) const {
    const auto position = cache.position(), ratio = compressor->config.ratio;
    const auto first = position / ratio, end = (position + T) / ratio;
    run.parallel_for(end - first, [&](std::int64_t task, std::size_t worker) {
        const auto w = first + task;
        const auto entry = scratch.entries.row(static_cast<std::int64_t>(worker));
        compressor->mix(run.at(worker), worker, w, cache.waiting(w * ratio, ratio), rope, entry, scratch.compressor);
        cache.put_entry(w, entry);
        if (!indexer) return;
        const auto key = entry.first(static_cast<std::size_t>(indexer->config.width));
        indexer->compressor.mix(run.at(worker), worker, w, cache.index_waiting(w * ratio, ratio), rope, key, scratch.compressor);
        if (cache.transforms_index_keys()) hadamard(key, indexer->config.width);
        cache.put_index_key(w, key);
    });
}

// Every head's query becomes the average of the keys it sees: softmax over q·k/sqrt(d) and the head's sink.
void SharedKvAttention::attend(const ops::Run& run, std::span<const std::int32_t> chosen, const SharedKvCache& cache, Rows q, const Scratch& scratch) const {
    const auto T = q.rows, workers = static_cast<std::int64_t>(run.workers.count());
    if (T < workers) {
        for (std::int64_t t = 0; t < T; ++t) attend_together(run, visible(chosen, cache, t), q.row(t), scratch);
        return;
    }
    // Not many queries: smaller blocks of heads, so that there is work for everybody.
    const auto at_once = std::clamp<std::int64_t>(config.heads * T / (2 * workers), std::min(fewest_heads, config.heads), row_block);
    const auto parts = ceil_div(config.heads, at_once);
    run.parallel_for(T * parts, [&](std::int64_t task, std::size_t worker) {
        const auto t = task / parts, head = task % parts * at_once, rows = std::min(at_once, config.heads - head);
        const auto seen = visible(chosen, cache, t);
        const auto w = static_cast<std::int64_t>(worker);
        const auto sums = scratch.sums.from(w * row_block, rows), block = scratch.block.from(w * row_block, rows);
        const Rows queries(q.row(t).data() + head * config.width, rows, config.width);
        std::fill_n(sums.total, rows, 0.0f);
        for (std::int64_t b = 0; b < seen.blocks(); ++b) {
            average_block(run, worker, seen, b, queries, scratch, block);
            for (std::int64_t r = 0; r < rows; ++r) merge_row(block, r, sums, r);
        }
        finish(sums, head, queries);
    });
}

// The same of one query, whose keys the workers share. Averages of blocks are merged in the same order: the bits are the same.
void SharedKvAttention::attend_together(const ops::Run& run, const VisibleKeys& seen, std::span<float> q, const Scratch& scratch) const {
    const auto workers = static_cast<std::int64_t>(run.workers.count());
    for (std::int64_t head = 0; head < config.heads; head += row_block) {
        const auto rows = std::min(row_block, config.heads - head);
        const Rows queries(q.data() + head * config.width, rows, config.width);
        const auto sums = scratch.sums.from(0, rows);
        std::fill_n(sums.total, rows, 0.0f);
        for (std::int64_t first = 0, count; first < seen.blocks(); first += count) {
            count = std::min(workers, seen.blocks() - first);
            const auto at_once = std::max(ceil_div(rows * count, workers), std::min(fewest_heads, rows));
            const auto parts = ceil_div(rows, at_once);
            run.parallel_for(count * parts, [&](std::int64_t task, std::size_t worker) {
                const auto b = task / parts, r = task % parts * at_once, n = std::min(at_once, rows - r);
                average_block(run, worker, seen, first + b, queries.slice_rows(r, n), scratch, scratch.block.from(b * row_block + r, n));
            });
            for (std::int64_t b = 0; b < count; ++b) {
                for (std::int64_t r = 0; r < rows; ++r) merge_row(scratch.block, b * row_block + r, sums, r);
            }
        }
        finish(sums, head, queries);
    }
}

SharedKvAttention::VisibleKeys SharedKvAttention::visible(std::span<const std::int32_t> chosen, const SharedKvCache& cache, std::int64_t t) const noexcept {
    const auto p = cache.position() + t, first_token = std::max<std::int64_t>(p + 1 - config.window, 0);
    VisibleKeys seen{cache, first_token, p + 1 - first_token, {}, cache.visible_entries(p), indexer.has_value()};
    if (indexer) {
        seen.entries = std::min(seen.entries, indexer->config.top_k);
        seen.chosen = chosen.subspan(static_cast<std::size_t>(t * indexer->config.top_k), static_cast<std::size_t>(seen.entries));
    }
    return seen;
}

// What heads' queries of one token make of a block of the keys it sees.
void SharedKvAttention::average_block(const ops::Run& run, std::size_t worker, const VisibleKeys& seen, std::int64_t b, ConstRows queries, const Scratch& scratch,
                                      const Averages& to) const {
    const auto room = scratch.keys.slice_rows(static_cast<std::int64_t>(worker) * page_tokens, page_tokens);
    const auto keys = weight_view(seen.gather(b, room));
    const WeightView no_rope{DType::f32, keys.data, keys.rows, 0};
    const QueryRows from{queries, queries.slice_cols(0, 0), keys.rows};  // all keys of the block lie before it
    average_page(run.at(worker), 1 / std::sqrt(static_cast<float>(config.width)), {keys, no_rope, keys}, from, scratch.pages.of(worker), to);
}

void SharedKvAttention::finish(const Averages& sums, std::int64_t head, Rows queries) const {
    for (std::int64_t r = 0; r < queries.rows; ++r) finish_with_sink(sums, r, weights.sinks[static_cast<std::size_t>(head + r)], queries.row(r));
}

// Each group of heads has its own rows of W_o_a; W_o_b joins them.
void SharedKvAttention::project(const ops::Run& run, ConstRows heads, Rows y, const Scratch& scratch) const {
    const auto grouped = scratch.grouped.slice_rows(0, heads.rows);
    const auto rank = config.o_lora_rank, width = config.group_width(), groups = config.o_groups;
    if (heads.rows == 1) {
        project_groups(run, {heads.data, groups, width}, {grouped.data, groups, rank}, scratch);
    } else {
        for (std::int64_t g = 0; g < groups; ++g) {
            const auto group = ops::input(run, heads.slice_cols(g * width, width), scratch.group_int8);
            ops::matmul(run, weights.wo_a.slice_rows(g * rank, rank), group, grouped.slice_cols(g * rank, rank));
        }
    }
    ops::matmul(run, weights.wo_b, ops::input(run, grouped, scratch.grouped_int8), y);
}

// The groups of one token, a row each: little work for one, so some together.
void SharedKvAttention::project_groups(const ops::Run& run, ConstRows groups, Rows to, const Scratch& scratch) const {
    std::array<ops::Product, 16> products;
    constexpr auto most = static_cast<std::int64_t>(products.size());
    for (std::int64_t first = 0, count; first < groups.rows; first += count) {
        count = std::min(most, groups.rows - first);
        const auto x = ops::input(run, groups.slice_rows(first, count), scratch.group_int8);
        for (std::int64_t i = 0; i < count; ++i) {
            products[static_cast<std::size_t>(i)] = {weights.wo_a.slice_rows((first + i) * to.cols, to.cols), x.slice_rows(i, 1), to.slice_rows(first + i, 1)};
        }
        ops::matmul(run, std::span(products).first(static_cast<std::size_t>(count)));
    }
}

}  // namespace rorqual::layers
