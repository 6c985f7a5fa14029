#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "ops/run.hpp"
#include "panels/quantised_rows.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// Softmax averages in the making, one a row (a row is one query of one head).
struct Averages {
    float* peak = nullptr;   ///< [rows] largest score so far
    float* total = nullptr;  ///< [rows] Σ exp(score − peak); 0 = nothing seen
    Rows values;             ///< [rows, width] of one page: the average; of pages merged: Σ exp(score − peak) · value

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
    std::int64_t first = 0;  ///< position of its first token

    [[nodiscard]] PageKeys up_to(std::int64_t count) const noexcept {
        return {content.slice_rows(0, count), rope.slice_rows(0, count), values.slice_rows(0, count), first};
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

    [[nodiscard]] std::int64_t rows() const noexcept { return content.rows; }
    [[nodiscard]] bool is_int8() const noexcept { return content_int8.q != nullptr; }
    [[nodiscard]] QueryRows slice(std::int64_t row, std::int64_t count) const noexcept {
        QueryRows part{content.slice_rows(row, count), rope.slice_rows(row, count), first, per_position, offset + row};
        if (is_int8()) {
            part.content_int8 = content_int8.slice_rows(row, count);
            part.rope_int8 = rope_int8.slice_rows(row, count);
        }
        return part;
    }
    /// How many tokens of the page row r may see: those up to its own position.
    [[nodiscard]] std::int64_t visible(std::int64_t r, const PageKeys& page) const noexcept {
        return std::clamp<std::int64_t>(first + (offset + r) / per_position + 1 - page.first, 0, page.content.rows);
    }
};

/// Buffers for the averages of pages, a part for every worker.
struct PageScratch {
    static constexpr std::int64_t rows = 64;  ///< of queries that one product with a page takes: enough to use a page's latents from the
                                              ///< first-level caches many times, few enough that scores and averages stay there too

    Rows scores, rope_scores;            ///< [workers·64, 128]
    Rows correction;                     ///< [workers·64, 256]
    panels::QuantisedRows weights_int8;  ///< [workers·64, 128]
    std::span<std::byte> transposed;     ///< int8 panels [256, 128] for every worker

    [[nodiscard]] static PageScratch cut(cpu::Arena& arena, std::size_t workers);
    [[nodiscard]] PageScratch of(std::size_t worker) const noexcept;
};

/// Softmax and average of one page for up to PageScratch::rows rows of queries, on the calling thread:
///   score = scale · (q_content·k_content + q_rope·k_rope),   V2 eq. (10), (17)–(18)
/// Keys in int8 meet queries in int8; weights then meet values as two int8 terms, the second what the first leaves, so that small weights
/// beside a large one do not vanish.
void average_page(const ops::Worker& worker, float softmax_scale, const PageKeys& page, const QueryRows& rows, const PageScratch& scratch,
                  const Averages& to);

}  // namespace rorqual::layers
