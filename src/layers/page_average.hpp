#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "layers/page.hpp"
#include "layers/selection.hpp"
#include "ops/run.hpp"
#include "panels/quantised_rows.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// Softmax averages in the making, one a row (a row is one query of one head).
struct Averages {
    float* peak = nullptr;   ///< [rows] largest score so far
    float* total = nullptr;  ///< [rows] Σ exp(score − peak); 0 = nothing seen
    Rows values;             ///< [rows, width] Σ exp(score − peak) · value

    [[nodiscard]] Averages from(std::int64_t row, std::int64_t count) const noexcept {
        return {peak + row, total + row, values.slice_rows(row, count)};
    }
};

/// What a page offers to rows of queries. Absorbed: content and values are the latents. Naive: expanded keys and values of one head.
/// All three as plain matrices, or all three as panels of int8.
struct PageKeys {
    WeightView content;
    WeightView rope;
    WeightView values;
    std::int64_t first = 0;                  ///< position of its first token
    std::span<const std::byte> next{};       ///< what the thread will read after this page
    bool picked = false;                     ///< some tokens of the page only,
    std::span<const std::int32_t> tokens{};  ///< these, ascending: see pick()

    [[nodiscard]] PageKeys up_to(std::int64_t count) const noexcept {
        return {content.slice_rows(0, count), rope.slice_rows(0, count), values.slice_rows(0, count), first, next, picked, tokens};
    }
};

/// Rows of queries in the order of their positions, `per_position` neighbouring rows each.
struct QueryRows {
    ConstRows content;                                  ///< [R, width of PageKeys::content]
    ConstRows rope;                                     ///< [R, rope]
    std::int64_t first = 0;                             ///< position of row 0 of the whole sequence of rows
    std::int64_t per_position = 1;                      ///
    std::int64_t offset = 0;                            ///< rows of that sequence before these
    panels::QuantisedRows content_int8{}, rope_int8{};  ///< what meets keys in int8
    Selection selection{};                              ///< what each position attends to

    [[nodiscard]] std::int64_t rows() const noexcept { return content.rows; }
    [[nodiscard]] bool is_int8() const noexcept { return content_int8.q != nullptr; }
    [[nodiscard]] QueryRows slice(std::int64_t row, std::int64_t count) const noexcept {
        QueryRows part{content.slice_rows(row, count), rope.slice_rows(row, count), first, per_position, offset + row, {}, {}, selection};
        if (is_int8()) {
            part.content_int8 = content_int8.slice_rows(row, count);
            part.rope_int8 = rope_int8.slice_rows(row, count);
        }
        return part;
    }
    [[nodiscard]] std::int64_t position(std::int64_t r) const noexcept { return first + (offset + r) / per_position; }
    /// The first row after r of another position.
    [[nodiscard]] std::int64_t next_query(std::int64_t r) const noexcept { return r + per_position - (offset + r) % per_position; }
    /// How many tokens of the page row r may see: those up to its own position.
    [[nodiscard]] std::int64_t visible(std::int64_t r, const PageKeys& page) const noexcept {
        return page.picked ? page.content.rows : std::clamp<std::int64_t>(position(r) + 1 - page.first, 0, page.content.rows);
    }
    /// Tokens of the page that are selected for row r.
    [[nodiscard]] std::span<const std::int32_t> chosen(std::int64_t r, const PageKeys& page) const noexcept {
        return selection.within(position(r), page.first, page_tokens);
    }
};

/// Buffers for the averages of pages, a part for every worker.
struct PageScratch {
    static constexpr std::int64_t rows = 64;  ///< of queries that one product with a page takes: enough to use a page's latents from the
                                              ///< first-level caches many times, few enough that scores and averages stay there too

    Rows scores, rope_scores;  ///< [workers·64, 128]

    [[nodiscard]] static PageScratch cut(cpu::Arena& arena, std::size_t workers);
    [[nodiscard]] PageScratch of(std::size_t worker) const noexcept;
};

/// Softmax and average of one page for up to PageScratch::rows rows of queries, on the calling thread:
///   score = scale · (q_content·k_content + q_rope·k_rope),   V2 eq. (10), (17)–(18)
/// over the tokens each row sees: where some are selected, scores of those alone become its softmax, side by side in their order.
/// Keys in int8 meet queries in int8; weights then meet values as int16, so that small weights beside a large one do not vanish.
void average_page(const ops::Worker& worker, float softmax_scale, const PageKeys& page, const QueryRows& rows, const PageScratch& scratch,
                  const Averages& to);

/// Adds the average in row p of `page` to that in row r of `sum`.
void merge_row(const Averages& page, std::int64_t p, const Averages& sum, std::int64_t r);

}  // namespace rorqual::layers
