#include "layers/page_average.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "layers/page.hpp"

namespace rorqual::layers {
namespace {

using Columns = std::array<std::int32_t, page_tokens>;

// Columns of the page's scores that belong to the tokens selected for row r; returns how many.
std::int64_t selected_columns(const PageKeys& page, const QueryRows& rows, std::int64_t r, Columns& columns) {
    std::int32_t column = 0;
    std::size_t n = 0;
    for (const auto token : rows.chosen(r, page)) {
        if (page.picked) {
            while (page.tokens[static_cast<std::size_t>(column)] != token) ++column;
        } else {
            column = token - static_cast<std::int32_t>(page.first);
        }
        columns[n++] = column;
    }
    return static_cast<std::int64_t>(n);
}

// The softmax of the first n scores where they belong, with zeros between them.
void spread(float* scores, std::int64_t keys, const Columns& columns, std::int64_t n) noexcept {
    auto end = keys;
    for (auto i = n; i-- > 0;) {
        const auto column = columns[static_cast<std::size_t>(i)];
        const float value = scores[i];
        std::fill(scores + column, scores + end, 0.0f);
        scores[column] = value;
        end = column;
    }
    std::fill(scores, scores + end, 0.0f);
}

// Row r where tokens are selected: its softmax does not know of the others, so that its bits are the same whether they are here or not.
ops::PartialSoftmax weights_of_selected(const ops::Worker& worker, float softmax_scale, const PageKeys& page, const QueryRows& rows, std::int64_t r, std::span<float> scores,
                                        float* rope_scores) {
    Columns columns;
    const auto n = selected_columns(page, rows, r, columns);
    for (std::int64_t i = 0; i < n; ++i) {
        const auto column = static_cast<std::size_t>(columns[static_cast<std::size_t>(i)]);
        scores[static_cast<std::size_t>(i)] = scores[column];
        rope_scores[i] = rope_scores[column];
    }
    const auto softmax = worker.kernels.partial_softmax(scores.data(), rope_scores, n, softmax_scale);
    spread(scores.data(), static_cast<std::int64_t>(scores.size()), columns, n);
    return softmax;
}

ops::PartialSoftmax weights_of_visible(const ops::Worker& worker, float softmax_scale, std::int64_t n, std::span<float> scores, const float* rope_scores) {
    const auto softmax = worker.kernels.partial_softmax(scores.data(), rope_scores, n, softmax_scale);
    std::fill(scores.begin() + n, scores.end(), 0.0f);
    return softmax;
}

// scores [R, keys] and rope_scores of as many rows and keys become the softmax's numerators, with zeros where a row may not look.
void weights_of(const ops::Worker& worker, float softmax_scale, const PageKeys& page, const QueryRows& rows, const Rows& scores, const Rows& rope_scores,
                const Averages& to) {
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
        const auto s = scores.row(r);
        float* const rope = rope_scores.data + r * rope_scores.stride;
        const auto softmax = rows.selection.everything() ? weights_of_visible(worker, softmax_scale, rows.visible(r, page), s, rope)
                                                         : weights_of_selected(worker, softmax_scale, page, rows, r, s, rope);
        to.peak[r] = softmax.peak;
        to.total[r] = softmax.total;
    }
}

}  // namespace

PageScratch PageScratch::cut(cpu::Arena& arena, std::size_t workers) {
    const auto all = static_cast<std::int64_t>(workers) * rows;
    return {.scores = arena.take_rows(all, page_tokens), .rope_scores = arena.take_rows(all, page_tokens)};
}

PageScratch PageScratch::of(std::size_t worker) const noexcept {
    const auto first = static_cast<std::int64_t>(worker) * rows;
    return {.scores = scores.slice_rows(first, rows), .rope_scores = rope_scores.slice_rows(first, rows)};
}

void average_page(const ops::Worker& worker, float softmax_scale, const PageKeys& whole, const QueryRows& rows, const PageScratch& scratch,
                  const Averages& to) {
    const auto page = whole.up_to(rows.visible(rows.rows() - 1, whole));
    const auto keys = page.content.rows;
    const auto scores = scratch.scores.slice_rows(0, rows.rows()).slice_cols(0, keys);
    const auto rope_scores = scratch.rope_scores.slice_rows(0, rows.rows()).slice_cols(0, keys);
    if (rows.is_int8()) {
        ops::packed_matmul(worker, page.content, rows.content_int8, nullptr, scores);
        ops::packed_matmul(worker, page.rope, rows.rope_int8, nullptr, rope_scores);
        weights_of(worker, softmax_scale, page, rows, scores, rope_scores, to);
        ops::packed_matmul_transposed(worker, page.values, scores, to.values, page.next);
    } else {
        ops::matmul(worker, page.content, rows.content, scores);
        ops::matmul(worker, page.rope, rows.rope, rope_scores);
        weights_of(worker, softmax_scale, page, rows, scores, rope_scores, to);
        // It adds up keys in ascending order: zeros behind the visible ones and between them leave the bits as they are.
        ops::matmul_transposed(worker, page.values, scores, to.values);
    }
}

void merge_row(const Averages& page, std::int64_t p, const Averages& sum, std::int64_t r) {
    if (page.total[p] == 0) return;
    const auto width = sum.values.cols;
    const float* const added = page.values.data + p * page.values.stride;
    float* const values = sum.values.data + r * sum.values.stride;
    if (sum.total[r] == 0) {
        sum.peak[r] = page.peak[p];
        sum.total[r] = page.total[p];
        std::copy_n(added, width, values);
        return;
    }
    const float peak = std::max(sum.peak[r], page.peak[p]);
    const float keep = std::exp(sum.peak[r] - peak);
    const float add = std::exp(page.peak[p] - peak);
    sum.peak[r] = peak;
    sum.total[r] = sum.total[r] * keep + page.total[p] * add;
    for (std::int64_t i = 0; i < width; ++i) values[i] = values[i] * keep + added[i] * add;
}

}  // namespace rorqual::layers
