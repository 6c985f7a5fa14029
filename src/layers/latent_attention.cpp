#include "layers/latent_attention.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/ceil_div.hpp"
#include "layers/picked_keys.hpp"
#include "ops/decoded.hpp"
#include "panels/int8_panels.hpp"
#include "quant/half.hpp"

namespace rorqual::layers {
namespace {

constexpr std::int64_t row_block = PageScratch::rows;
constexpr std::int64_t run_pages = 4;                  // that the absorbed form merges into one average before others: a task reads this much in turn
constexpr std::int64_t most_picked = page_tokens / 2;  // of a page's tokens: beyond that the page is taken as it lies
constexpr std::int64_t token_block = 64;               // of products with the per-head slices of w_kv_b

void finish_row(const Averages& sum, std::int64_t r, float* to) {
    const float* const values = sum.values.data + r * sum.values.stride;
    const float factor = sum.total[r] == 0 ? 0 : 1 / sum.total[r];
    for (std::int64_t i = 0; i < sum.values.cols; ++i) to[i] = sum.total[r] == 0 ? 0 : values[i] * factor;
}

std::span<const std::byte> bytes_of(const WeightView& w) noexcept { return {w.data, static_cast<std::size_t>(w.bytes())}; }

// One call's operands, so that the steps below need not pass them on.
struct Attention {
    const ops::Run& run;
    const LatentAttentionShape& shape;
    ConstRows q;  // [T, H·(nope+rope)]
    std::span<const KeyBlock> blocks;
    const KvB& kv_b;
    std::int64_t first;
    const Selection& selection;
    Rows out;  // [T, H·v]
    const AttentionScratch& scratch;

    std::int64_t queries() const noexcept { return q.rows; }
    std::int64_t pages() const noexcept { return ceil_div(first + queries(), page_tokens); }
    std::int64_t runs() const noexcept { return ceil_div(pages(), run_pages); }
    std::int64_t head_dim() const noexcept { return shape.qk_nope_head_dim + shape.qk_rope_head_dim; }
    bool packed() const noexcept { return run.fast && kv_b.packed.packed() && kv_b.uk_transposed.packed(); }
    // Mode fast computes with keys in int8 as they lie; mode exact decodes them.
    bool int8_latents() const noexcept { return run.fast && blocks.front().is_int8(); }
    // Can expanded keys and values of a head be laid out in panels?
    bool int8_heads() const noexcept { return int8_latents() && ops::quantisable(shape.qk_nope_head_dim) && ops::quantisable(shape.v_head_dim); }
    const WeightView& uk_uv() const noexcept { return packed() ? kv_b.packed : kv_b.w; }
    WeightView w_uk(std::int64_t head) const noexcept {
        return uk_uv().slice_rows(head * (shape.qk_nope_head_dim + shape.v_head_dim), shape.qk_nope_head_dim);
    }
    WeightView w_uv(std::int64_t head) const noexcept {
        return uk_uv().slice_rows(head * (shape.qk_nope_head_dim + shape.v_head_dim) + shape.qk_nope_head_dim, shape.v_head_dim);
    }
    WeightView w_uk_transposed(std::int64_t head) const noexcept {
        return kv_b.uk_transposed.slice_rows(head * shape.kv_lora_rank, shape.kv_lora_rank);
    }
    // The worker's room for up to page_tokens rows in int8.
    panels::QuantisedRows int8_room(std::int64_t rows, std::int64_t cols, std::size_t worker) const noexcept {
        return scratch.int8.slice_rows(static_cast<std::int64_t>(worker) * page_tokens, rows).shaped(rows, cols);
    }
    // Up to page_tokens rows in int8, made by the worker for itself.
    panels::QuantisedRows quantised(const ConstRows& x, std::size_t worker) const noexcept {
        const auto room = int8_room(x.rows, x.cols, worker);
        run.kernels.panels.quantise(x, 0, x.rows, room);
        return room;
    }
    // Rows [row, row + x.rows) of the int8 queries.
    void quantise_queries(const ConstRows& content, const ConstRows& rope, std::int64_t row) const noexcept {
        run.kernels.panels.quantise(content, 0, content.rows, scratch.q_int8.shaped(row + content.rows, content.cols).slice_rows(row, content.rows));
        run.kernels.panels.quantise(rope, 0, rope.rows, scratch.q_pe_int8.slice_rows(row, rope.rows));
    }
    ConstRows q_nope(std::int64_t head) const noexcept { return q.slice_cols(head * head_dim(), shape.qk_nope_head_dim); }
    ConstRows q_pe(std::int64_t head) const noexcept {
        return q.slice_cols(head * head_dim() + shape.qk_nope_head_dim, shape.qk_rope_head_dim);
    }
    Rows head_out(std::int64_t head) const noexcept { return out.slice_cols(head * shape.v_head_dim, shape.v_head_dim); }
    // Head `head` of q_hat [T, H, kv_lora].
    Rows q_hat(std::int64_t head) const noexcept {
        return {scratch.q_hat.data + head * shape.kv_lora_rank, queries(), shape.kv_lora_rank, shape.heads * shape.kv_lora_rank};
    }
    Rows block_of(const Rows& rows, std::size_t worker, std::int64_t size = row_block) const noexcept {
        return rows.slice_rows(static_cast<std::int64_t>(worker) * size, size);
    }

    PageKeys latent_page(std::int64_t page) const noexcept {
        const auto& cached = blocks[static_cast<std::size_t>(page)];
        return {cached.latent, cached.rope, cached.latent, page * page_tokens};
    }
    // Room for one page's averages of `count` rows.
    Averages page_averages(std::size_t worker, std::int64_t count, std::int64_t width) const noexcept {
        auto averages = scratch.page.from(static_cast<std::int64_t>(worker) * row_block, count);
        averages.values.cols = width;
        return averages;
    }
    // body(worker, head, first query, queries) for all heads and blocks of queries.
    template <class Body>
    void for_heads_and_tokens(const Body& body) const {
        const auto token_blocks = ceil_div(queries(), token_block);
        run.parallel_for(shape.heads * token_blocks, [&](std::int64_t task, std::size_t worker) {
            const auto t = task % token_blocks * token_block;
            body(worker, task / token_blocks, t, std::min(token_block, queries() - t));
        });
    }

    void average(const PageKeys& page, const QueryRows& rows, std::size_t worker, const Averages& to) const;
    void absorbed() const;
    void absorb_queries() const;
    void average_run(std::int64_t index, const QueryRows& rows, std::size_t worker, const Averages& to) const;
    void stream_runs(const QueryRows& rows) const;
    void spread_runs(const QueryRows& rows, std::int64_t block) const;
    void expand_outputs() const;
    void naive() const;
    panels::QuantisedRows int8_rows(const WeightView& latents, std::size_t worker) const;
    WeightView int8_panels(const ConstRows& x, std::span<std::byte> panels, std::size_t worker) const;
    void naive_page(std::int64_t head, std::int64_t page, std::size_t worker, const QueryRows& rows, const Averages& sums) const;
};

// What the rows see of a page of latents.
void Attention::average(const PageKeys& page, const QueryRows& rows, std::size_t worker, const Averages& to) const {
    if (selection.everything()) return average_page(run.at(worker), shape.softmax_scale, page, rows, scratch.pages.of(worker), to);
    PickRoom room{block_of(scratch.picked_latents, worker, page_tokens), block_of(scratch.picked_ropes, worker, page_tokens), {}};
    if (page.content.packed()) room.row = scratch.int8.slice_rows(static_cast<std::int64_t>(worker) * page_tokens, 1);
    const auto picked = pick(page, rows, most_picked, room);
    if (picked.content.rows == 0) {
        std::fill_n(to.total, rows.rows(), 0.0f);
    } else {
        average_page(run.at(worker), shape.softmax_scale, picked, rows, scratch.pages.of(worker), to);
    }
}

// V2 appendix C: fold W_uk into the query and W_uv into the output; heads then share one key, the latent itself.
void Attention::absorbed() const {
    absorb_queries();
    const auto row_count = queries() * shape.heads;
    QueryRows rows{{scratch.q_hat.data, row_count, shape.kv_lora_rank},
                   {q.data + shape.qk_nope_head_dim, row_count, shape.qk_rope_head_dim, head_dim()},
                   first,
                   shape.heads};
    rows.selection = selection;
    if (int8_latents()) {
        rows.content_int8 = scratch.q_int8.shaped(row_count, shape.kv_lora_rank);
        rows.rope_int8 = scratch.q_pe_int8;
    }
    std::fill_n(scratch.total, row_count, 0.0f);
    const auto enough = 2 * static_cast<std::int64_t>(run.workers.count());
    if (ceil_div(row_count, row_block) >= enough) {
        stream_runs(rows);
    } else {
        // Few rows, as in decode: runs are the tasks, and where there are few of those too, smaller blocks of rows.
        const auto parts = ceil_div(enough, runs());
        spread_runs(rows, std::clamp<std::int64_t>(ceil_div(row_count, parts), 4, row_block));
    }
    expand_outputs();
}

// q̂[h] = W_uk[h]ᵀ q_nope[h]
void Attention::absorb_queries() const {
    for_heads_and_tokens([&](std::size_t worker, std::int64_t head, std::int64_t t, std::int64_t count) {
        const auto q_h = q_nope(head).slice_rows(t, count);
        const auto to = q_hat(head).slice_rows(t, count);
        if (packed())
            ops::packed_matmul(run.at(worker), w_uk_transposed(head), quantised(q_h, worker), nullptr, to);
        else
            ops::matmul_transposed(run.at(worker), w_uk(head), q_h, to);
        if (!int8_latents()) return;
        for (std::int64_t i = 0; i < count; ++i) quantise_queries(to.slice_rows(i, 1), q_pe(head).slice_rows(t + i, 1), (t + i) * shape.heads + head);
    });
}

// A run of pages for up to row_block rows, merged in their order into `to`.
void Attention::average_run(std::int64_t index, const QueryRows& rows, std::size_t worker, const Averages& to) const {
    const auto count = rows.rows(), end = std::min((index + 1) * run_pages, pages());
    std::fill_n(to.total, count, 0.0f);
    for (auto p = index * run_pages; p < end; ++p) {
        auto page = latent_page(p);
        if (rows.visible(count - 1, page) == 0) return;
        if (p + 1 < end) page.next = bytes_of(blocks[static_cast<std::size_t>(p + 1)].latent);
        if (p == index * run_pages) {
            average(page, rows, worker, to);
            continue;
        }
        const auto seen = page_averages(worker, count, shape.kv_lora_rank);
        average(page, rows, worker, seen);
        for (std::int64_t r = 0; r < count; ++r) merge_row(seen, r, to, r);
    }
}

// Many rows: each task takes a block of them through all pages.
void Attention::stream_runs(const QueryRows& rows) const {
    run.parallel_for(ceil_div(rows.rows(), row_block), [&](std::int64_t task, std::size_t worker) {
        const auto r0 = task * row_block;
        const auto count = std::min(row_block, rows.rows() - r0);
        const auto block = rows.slice(r0, count);
        const Averages sums{scratch.peak + r0, scratch.total + r0, block_of(scratch.sums, worker)};
        const auto seen = scratch.runs.from(static_cast<std::int64_t>(worker) * row_block, count);
        for (std::int64_t i = 0; i < runs(); ++i) {
            if (block.visible(count - 1, latent_page(i * run_pages)) == 0) break;
            average_run(i, block, worker, seen);
            for (std::int64_t r = 0; r < count; ++r) merge_row(seen, r, sums, r);
        }
        for (std::int64_t r = 0; r < count; ++r) finish_row(sums, r, scratch.q_hat.row(r0 + r).data());
    });
}

// Few rows: tasks are blocks of rows × runs; as many runs at a time as there are slots for their averages.
void Attention::spread_runs(const QueryRows& rows, std::int64_t block_rows) const {
    const auto blocks_of_rows = ceil_div(rows.rows(), block_rows);
    const auto rows_a_run = blocks_of_rows * block_rows;
    const auto runs_at_once = std::max<std::int64_t>(1, scratch.slots * row_block / rows_a_run);
    const Averages sums{scratch.peak, scratch.total, scratch.sums};
    for (std::int64_t first_run = 0; first_run < runs(); first_run += runs_at_once) {
        const auto now = std::min(runs_at_once, runs() - first_run);
        run.parallel_for(now * blocks_of_rows, [&](std::int64_t task, std::size_t worker) {
            const auto i = task / blocks_of_rows;
            const auto r0 = task % blocks_of_rows * block_rows;
            const auto count = std::min(block_rows, rows.rows() - r0);
            average_run(first_run + i, rows.slice(r0, count), worker, scratch.runs.from(i * rows_a_run + r0, count));
        });
        const bool last = first_run + now == runs();
        constexpr std::int64_t merged_at_once = 8;
        run.parallel_for(ceil_div(rows.rows(), merged_at_once), [&](std::int64_t task, std::size_t) {
            const auto end = std::min((task + 1) * merged_at_once, rows.rows());
            for (auto r = task * merged_at_once; r < end; ++r) {
                for (std::int64_t i = 0; i < now; ++i) merge_row(scratch.runs, i * rows_a_run + r, sums, r);
                if (last) finish_row(sums, r, scratch.q_hat.row(r).data());
            }
        });
    }
}

// out[h] = W_uv[h] ĉ[h]
void Attention::expand_outputs() const {
    for_heads_and_tokens([&](std::size_t worker, std::int64_t head, std::int64_t t, std::int64_t count) {
        const auto average = q_hat(head).slice_rows(t, count);
        const auto to = head_out(head).slice_rows(t, count);
        if (packed()) return ops::packed_matmul(run.at(worker), w_uv(head), quantised(average, worker), nullptr, to);
        ops::matmul(run.at(worker), w_uv(head), average, to);
    });
}

// V2 eq. (9)–(11), (17)–(18): every head expands keys and values of a page from the latents, once for all queries.
void Attention::naive() const {
    const auto T = queries();
    run.parallel_for(shape.heads, [&](std::int64_t head, std::size_t worker) {
        QueryRows rows{q_nope(head), q_pe(head), first};
        rows.selection = selection;
        if (int8_heads()) {
            quantise_queries(rows.content, rows.rope, head * T);
            rows.content_int8 = scratch.q_int8.shaped(shape.heads * T, shape.qk_nope_head_dim).slice_rows(head * T, T);
            rows.rope_int8 = scratch.q_pe_int8.slice_rows(head * T, T);
        }
        const Averages sums{scratch.peak + head * T, scratch.total + head * T, head_out(head)};
        std::fill_n(sums.total, T, 0.0f);
        for (std::int64_t p = 0; p < pages(); ++p) naive_page(head, p, worker, rows, sums);
        for (std::int64_t t = 0; t < T; ++t) finish_row(sums, t, sums.values.row(t).data());
    });
}

ConstRows as_f32(const WeightView& x, Rows scratch) {
    if (x.dtype == DType::f32) return {reinterpret_cast<const float*>(x.data), x.rows, x.cols};
    if (x.packed()) {
        ops::decode_rows(x, 0, x.rows, scratch.data);
        return scratch.slice_rows(0, x.rows);
    }
    for (std::int64_t i = 0; i < x.rows * x.cols; ++i) {
        std::uint16_t high = 0;
        std::memcpy(&high, x.data + 2 * i, sizeof high);
        scratch.data[i] = quant::f32_from_bf16(high);
    }
    return scratch.slice_rows(0, x.rows);
}

// Expanded keys or values in panels of int8.
WeightView Attention::int8_panels(const ConstRows& x, std::span<std::byte> panels, std::size_t worker) const {
    const auto panel = panels::panel_bytes(DType::i8, x.cols);
    auto* const to = panels.data() + static_cast<std::int64_t>(worker) * (page_tokens / WeightView::panel_rows) * panel;
    panels::put_rows(quantised(x, worker), 0, to);
    return {DType::i8, to, x.rows, x.cols, panel};
}

// A page's latents as rows of int8: as they are cached, or made so.
panels::QuantisedRows Attention::int8_rows(const WeightView& latents, std::size_t worker) const {
    if (!latents.packed()) return quantised(as_f32(latents, block_of(scratch.latents, worker, page_tokens)), worker);
    const auto rows = int8_room(latents.rows, latents.cols, worker);
    panels::take_rows(ops::as_panels(latents), 0, rows);
    return rows;
}

void Attention::naive_page(std::int64_t head, std::int64_t page, std::size_t worker, const QueryRows& rows,
                           const Averages& sums) const {
    const auto& cached = blocks[static_cast<std::size_t>(page)];
    const auto keys = block_of(scratch.keys, worker, page_tokens).slice_rows(0, cached.latent.rows);
    const auto values = block_of(scratch.values, worker, page_tokens).slice_rows(0, cached.latent.rows);
    if (packed()) {
        const auto c = int8_rows(cached.latent, worker);
        ops::packed_matmul(run.at(worker), w_uk(head), c, nullptr, keys);
        ops::packed_matmul(run.at(worker), w_uv(head), c, nullptr, values);
    } else {
        const auto latents = as_f32(cached.latent, block_of(scratch.latents, worker, page_tokens));
        ops::matmul(run.at(worker), w_uk(head), latents, keys);
        ops::matmul(run.at(worker), w_uv(head), latents, values);
    }
    PageKeys expanded{weight_view(keys), cached.rope, weight_view(values), page * page_tokens};
    if (rows.is_int8()) {
        expanded.content = int8_panels(keys, scratch.key_panels, worker);
        expanded.values = int8_panels(values, scratch.value_panels, worker);
    } else if (cached.rope.packed()) {
        expanded.rope = weight_view(as_f32(cached.rope, block_of(scratch.ropes, worker, page_tokens)));
    }
    for (std::int64_t t = 0; t < rows.rows(); t += row_block) {
        const auto count = std::min(row_block, rows.rows() - t);
        const auto block = rows.slice(t, count);
        if (block.visible(count - 1, expanded) == 0) continue;
        const auto seen = page_averages(worker, count, shape.v_head_dim);
        average_page(run.at(worker), shape.softmax_scale, expanded, block, scratch.pages.of(worker), seen);
        for (std::int64_t i = 0; i < count; ++i) merge_row(seen, i, sums, t + i);
    }
}

}  // namespace

AttentionScratch AttentionScratch::cut(cpu::Arena& arena, const LatentAttentionShape& shape, std::int64_t chunk,
                                       std::size_t workers, bool selects) {
    // 8192 rows of q̂ are 16 MiB for a latent of 512; at least 16 queries, so that each reading of w_kv_b serves several.
    constexpr std::int64_t rows_at_once = 8192;
    const auto w = static_cast<std::int64_t>(workers);
    AttentionScratch s;
    s.queries = std::min(chunk, std::max<std::int64_t>(16, rows_at_once / shape.heads));
    s.slots = 4 * w;
    const auto averages = [&](std::int64_t rows, std::int64_t width) {
        return Averages{arena.take<float>(rows).data(), arena.take<float>(rows).data(), arena.take_rows(rows, width)};
    };
    s.q_hat = arena.take_rows(s.queries * shape.heads, shape.kv_lora_rank);
    s.peak = arena.take<float>(chunk * shape.heads).data();
    s.total = arena.take<float>(chunk * shape.heads).data();
    s.sums = arena.take_rows(2 * w * row_block, shape.kv_lora_rank);
    s.page = averages(w * row_block, std::max(shape.kv_lora_rank, shape.v_head_dim));
    s.runs = averages(s.slots * row_block, shape.kv_lora_rank);
    s.pages = PageScratch::cut(arena, workers);
    s.int8 = ops::take_room(arena, w * page_tokens, (std::max({shape.kv_lora_rank, shape.qk_nope_head_dim, shape.v_head_dim}) + 31) / 32 * 32);
    if (LatentCache::has_int8(shape.kv_lora_rank, shape.qk_rope_head_dim)) {
        const auto values = shape.heads * std::max(s.queries * shape.kv_lora_rank, chunk * ((shape.qk_nope_head_dim + 31) / 32 * 32));
        s.q_int8 = ops::take_room(arena, ceil_div(values, 32), 32);
        s.q_pe_int8 = ops::take_room(arena, chunk * shape.heads, shape.qk_rope_head_dim);
        s.ropes = arena.take_rows(w * page_tokens, shape.qk_rope_head_dim);
        const auto panels = w * page_tokens / WeightView::panel_rows;
        s.key_panels = arena.take<std::byte>(panels * panels::panel_bytes(DType::i8, shape.qk_nope_head_dim));
        s.value_panels = arena.take<std::byte>(panels * panels::panel_bytes(DType::i8, shape.v_head_dim));
    }
    if (selects) {
        s.picked_latents = arena.take_rows(w * page_tokens, shape.kv_lora_rank);
        s.picked_ropes = arena.take_rows(w * page_tokens, shape.qk_rope_head_dim);
    }
    s.latents = arena.take_rows(w * page_tokens, shape.kv_lora_rank);
    s.keys = arena.take_rows(w * page_tokens, shape.qk_nope_head_dim);
    s.values = arena.take_rows(w * page_tokens, shape.v_head_dim);
    return s;
}

void attend(const ops::Run& run, const LatentAttentionShape& shape, AttentionForm form, ConstRows q,
            std::span<const KeyBlock> blocks, const KvB& kv_b, std::int64_t first, const Selection& selection, Rows out,
            const AttentionScratch& scratch) {
    const auto cached = first + q.rows;
    if (form == AttentionForm::automatic) form = cheaper_form(shape, q.rows, cached, selection.everything() ? cached : selection.count(cached - 1));
    if (form == AttentionForm::naive) {
        Attention{run, shape, q, blocks, kv_b, first, selection, out, scratch}.naive();
        return;
    }
    for (std::int64_t t = 0; t < q.rows; t += scratch.queries) {
        const auto count = std::min(scratch.queries, q.rows - t);
        Attention{run, shape, q.slice_rows(t, count), blocks, kv_b, first + t, selection, out.slice_rows(t, count), scratch}.absorbed();
    }
}

}  // namespace rorqual::layers
