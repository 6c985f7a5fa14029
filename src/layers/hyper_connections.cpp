#include "layers/hyper_connections.hpp"

#include <algorithm>
#include <cmath>

namespace rorqual::layers {
namespace {

float sigmoid(float z) noexcept { return 1 / (1 + std::exp(-z)); }

// 1 / sqrt(mean(x²) + eps)
float inverse_rms(const ops::Worker& worker, std::span<const float> x, float eps) {
    const auto cols = static_cast<std::int64_t>(x.size());
    float squares = 0;
    ops::matmul(worker, weight_view({x.data(), 1, cols}), ConstRows(x.data(), 1, cols), Rows(&squares, 1, 1));
    return 1 / std::sqrt(squares / static_cast<float>(cols) + eps);
}

// u = Σ_i weights_i·S_i
void blend(std::span<const float> streams, const float* weights, std::span<float> u) {
    const auto D = u.size();
    std::ranges::fill(u, 0.0f);
    for (std::size_t i = 0; i * D < streams.size(); ++i) {
        const float* const s = streams.data() + i * D;
        for (std::size_t d = 0; d < D; ++d) u[d] += weights[i] * s[d];
    }
}

void divide_rows(float* c, std::int64_t n, float eps) noexcept {
    for (std::int64_t j = 0; j < n; ++j) {
        float sum = eps;
        for (std::int64_t k = 0; k < n; ++k) sum += c[j * n + k];
        for (std::int64_t k = 0; k < n; ++k) c[j * n + k] /= sum;
    }
}

void divide_columns(float* c, std::int64_t n, float eps) noexcept {
    for (std::int64_t k = 0; k < n; ++k) {
        float sum = eps;
        for (std::int64_t j = 0; j < n; ++j) sum += c[j * n + k];
        for (std::int64_t j = 0; j < n; ++j) c[j * n + k] /= sum;
    }
}

}  // namespace

void sinkhorn(float* c, std::int64_t n, std::int64_t rounds, float eps) noexcept {
    for (std::int64_t j = 0; j < n; ++j) {
        float* const row = c + j * n;
        const float peak = *std::max_element(row, row + n);
        float sum = 0;
        for (std::int64_t k = 0; k < n; ++k) sum += row[k] = std::exp(row[k] - peak);
        for (std::int64_t k = 0; k < n; ++k) row[k] = row[k] / sum + eps;
    }
    divide_columns(c, n, eps);
    for (std::int64_t round = 1; round < rounds; ++round) {
        divide_rows(c, n, eps);
        divide_columns(c, n, eps);
    }
}

ConstRows HyperConnection::read(const ops::Run& run, ConstRows streams, Rows u, Rows mix) const {
    const auto n = config.streams;
    mix = mix.slice_rows(0, streams.rows).slice_cols(0, config.mix_width());
    ops::matmul(run, fn, streams, mix);
    run.parallel_for(streams.rows, [&](std::int64_t t, std::size_t worker) {
        const float r = inverse_rms(run.at(worker), streams.row(t), config.norm_eps);
        float* const m = mix.row(t).data();
        const auto value = [&](std::int64_t i, std::size_t part) { return m[i] * r * scale[part] + base[static_cast<std::size_t>(i)]; };
        for (std::int64_t i = 0; i < n; ++i) m[i] = sigmoid(value(i, 0)) + config.eps;
        for (std::int64_t i = n; i < 2 * n; ++i) m[i] = 2 * sigmoid(value(i, 1));
        for (std::int64_t i = 2 * n; i < config.mix_width(); ++i) m[i] = value(i, 2);
        sinkhorn(m + 2 * n, n, config.sinkhorn_rounds, config.eps);
        blend(streams.row(t), m, u.row(t));
    });
    return mix;
}

void HyperConnection::write(const ops::Run& run, ConstRows mix, ConstRows y, Rows streams) const {
    constexpr std::int64_t at_once = 64;  // columns whose old values wait while new ones replace them
    constexpr std::int64_t most_streams = HyperConfig::most_streams;
    const auto n = config.streams, D = config.hidden;
    run.parallel_for(streams.rows, [&](std::int64_t t, std::size_t) {
        const float* const post = mix.row(t).data() + n;
        const float* const c = post + n;
        float* const s = streams.row(t).data();
        float old[most_streams * at_once];
        for (std::int64_t first = 0; first < D; first += at_once) {
            const auto count = std::min(at_once, D - first);
            for (std::int64_t j = 0; j < n; ++j) std::copy_n(s + j * D + first, count, old + j * at_once);
            for (std::int64_t k = 0; k < n; ++k) {
                float* const to = s + k * D + first;
                for (std::int64_t d = 0; d < count; ++d) to[d] = post[k] * y.row(t)[static_cast<std::size_t>(first + d)];
                for (std::int64_t j = 0; j < n; ++j) {
                    for (std::int64_t d = 0; d < count; ++d) to[d] += c[j * n + k] * old[j * at_once + d];
                }
            }
        }
    });
}

void HyperHead::read(const ops::Run& run, ConstRows streams, Rows h, Rows mix) const {
    mix = mix.slice_rows(0, streams.rows).slice_cols(0, config.streams);
    ops::matmul(run, fn, streams, mix);
    run.parallel_for(streams.rows, [&](std::int64_t t, std::size_t worker) {
        const float r = inverse_rms(run.at(worker), streams.row(t), config.norm_eps);
        const auto p = mix.row(t);
        for (std::size_t i = 0; i < p.size(); ++i) p[i] = sigmoid(p[i] * r * scale[0] + base[i]) + config.eps;
        blend(streams.row(t), p.data(), h.row(t));
    });
}

}  // namespace rorqual::layers
