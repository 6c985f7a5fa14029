#include "layers/page_average.hpp"

#include <array>
#include <cmath>
#include <limits>

#include "layers/page.hpp"
#include "panels/int8_panels.hpp"

namespace rorqual::layers {
namespace {

const std::int64_t transposed_bytes = panels::super_k / panels::panel_rows * panels::panel_bytes(DType::i8, page_tokens);

float largest(const float* x, std::int64_t n) noexcept {
    constexpr std::int64_t lanes = 8;  // independent maxima: one chain would wait for each comparison
    float best[lanes];
    std::fill_n(best, lanes, -std::numeric_limits<float>::infinity());
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        for (std::int64_t j = 0; j < lanes; ++j) best[j] = best[j] > x[i + j] ? best[j] : x[i + j];
    }
    for (; i < n; ++i) best[0] = std::max(best[0], x[i]);
    return *std::max_element(best, best + lanes);
}

// scores [R, keys] and rope_scores of as many rows and keys become the softmax's weights, with zeros where a row may not look.
void weights_of(const ops::Worker& worker, float softmax_scale, const PageKeys& page, const QueryRows& rows, const Rows& scores, const Rows& rope_scores,
                const Averages& to) {
    for (std::int64_t r = 0; r < rows.rows(); ++r) {
        float* const s = scores.data + r * scores.stride;
        const float* const s_rope = rope_scores.data + r * rope_scores.stride;
        const auto n = rows.visible(r, page);
        for (std::int64_t j = 0; j < n; ++j) s[j] = softmax_scale * (s[j] + s_rope[j]);
        to.peak[r] = largest(s, n);
        worker.kernels.softmax(Rows(s, 1, n));
        // The largest weight is exp(0) / Σ, so it tells Σ. Where every score is −∞ the weights are zeros.
        const float top = largest(s, n);
        to.total[r] = n == 0 || top == 0 ? 0 : 1 / top;
        std::fill(s + n, s + scores.cols, 0.0f);
    }
}

// What the int8 form of x leaves of it.
void subtract(const panels::QuantisedRows& form, const Rows& x) {
    for (std::int64_t r = 0; r < x.rows; ++r) {
        const std::int8_t* const q = form.q + r * form.cols;
        float* const v = x.data + r * x.stride;
        for (std::int64_t j = 0; j < x.cols; ++j) v[j] -= form.scale[r] * q[j];
    }
}

// values [R, width] = weights [R, keys] · page.values, 256 columns at a time: those share a scale in each key, which its weight takes in.
void average_int8(const ops::Worker& worker, const PageKeys& page, const QueryRows& rows, const Rows& weights, const PageScratch& scratch, const Rows& values) {
    const auto latents = ops::as_panels(page.values);
    const auto keys = panels::transposed_cols(page.values.rows);
    const Rows scaled(scratch.rope_scores.data, weights.rows, keys, scratch.rope_scores.stride);
    const auto form = scratch.weights_int8.shaped(weights.rows, keys);
    for (std::int64_t k = 0; k < page.values.cols; k += panels::super_k) {
        const auto super = k / panels::super_k, width = std::min(panels::super_k, page.values.cols - k);
        worker.kernels.panels.transpose(latents, super, scratch.transposed.data());
        const WeightView transposed{DType::i8, scratch.transposed.data(), width, keys, panels::panel_bytes(DType::i8, keys)};
        std::array<float, page_tokens> scale;
        panels::scales_of(latents, super, scale.data());
        for (std::int64_t r = 0; r < weights.rows; ++r) {
            const float* const w = weights.data + r * weights.stride;
            float* const to = scaled.data + r * scaled.stride;
            const auto n = rows.visible(r, page);
            for (std::int64_t j = 0; j < n; ++j) to[j] = w[j] * scale[static_cast<std::size_t>(j)];
            std::fill(to + n, to + keys, 0.0f);
        }
        const auto out = values.slice_cols(k, width), correction = scratch.correction.slice_rows(0, weights.rows).slice_cols(0, width);
        worker.kernels.panels.quantise(scaled, 0, scaled.rows, form);
        ops::packed_matmul(worker, transposed, form, nullptr, out);
        subtract(form, scaled);
        worker.kernels.panels.quantise(scaled, 0, scaled.rows, form);
        ops::packed_matmul(worker, transposed, form, nullptr, correction);
        for (std::int64_t r = 0; r < out.rows; ++r) {
            for (std::int64_t i = 0; i < width; ++i) out.data[r * out.stride + i] += correction.data[r * correction.stride + i];
        }
    }
}

}  // namespace

PageScratch PageScratch::cut(cpu::Arena& arena, std::size_t workers) {
    const auto all = static_cast<std::int64_t>(workers) * rows;
    return {.scores = arena.take_rows(all, page_tokens),
            .rope_scores = arena.take_rows(all, page_tokens),
            .correction = arena.take_rows(all, panels::super_k),
            .weights_int8 = panels::QuantisedRows::take(arena, all, page_tokens),
            .transposed = arena.take<std::byte>(static_cast<std::int64_t>(workers) * transposed_bytes)};
}

PageScratch PageScratch::of(std::size_t worker) const noexcept {
    const auto first = static_cast<std::int64_t>(worker) * rows;
    return {.scores = scores.slice_rows(first, rows),
            .rope_scores = rope_scores.slice_rows(first, rows),
            .correction = correction.slice_rows(first, rows),
            .weights_int8 = weights_int8.slice_rows(first, rows),
            .transposed = transposed.subspan(worker * static_cast<std::size_t>(transposed_bytes), static_cast<std::size_t>(transposed_bytes))};
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
        average_int8(worker, page, rows, scores, scratch, to.values);
    } else {
        ops::matmul(worker, page.content, rows.content, scores);
        ops::matmul(worker, page.rope, rows.rope, rope_scores);
        weights_of(worker, softmax_scale, page, rows, scores, rope_scores, to);
        // It adds up keys in ascending order: zeros behind the visible ones leave the bits as they are.
        ops::matmul_transposed(worker, page.values, scores, to.values);
    }
}

}  // namespace rorqual::layers
