#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "rorqual/tensor.hpp"
#include "support/checkpoint_copy.hpp"

/// The block of DeepSeek-V4 that drafts, in float64, token after token, from the formulas alone: nothing of it is shared with the library.
namespace rorqual::test {

class V4DraftReference {
 public:
    using Row = std::vector<double>;

    explicit V4DraftReference(const CheckpointCopy& model) : model_(model) {
        for (const auto& [name, tensor] : model.tensors) {
            if (!name.starts_with("mtp.0.") && name != "embed.weight" && name != "head.weight") continue;
            if (tensor.dtype == DType::f32 || tensor.dtype == DType::bf16) values_[name] = to_double(tensor.values());
        }
    }

    /// Logits about the token after `next`, where the network's streams at one position, [n·D], are followed by the token `next`.
    Row logits(std::span<const float> network_streams, Token next) {
        Row x = join(network_streams, next);
        const auto position = static_cast<double>(keys_.size());
        sublayer(x, "attn", [&](const Row& h) { return attention(h, position); });
        sublayer(x, "ffn", [&](const Row& h) { return experts(h); });
        return product("head.weight", normed(collapse(x), "mtp.0.norm.weight"));
    }

 private:
    static Row to_double(const std::vector<float>& values) { return {values.begin(), values.end()}; }
    [[nodiscard]] std::size_t size(const char* key) const { return model_.config.at(key).get<std::size_t>(); }
    [[nodiscard]] double number(const char* key) const { return model_.config.at(key).get<double>(); }
    [[nodiscard]] const Row& values(const std::string& name) const { return values_.at(name); }
    static double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

    [[nodiscard]] double unit(std::span<const double> x) const {
        const double squares = std::inner_product(x.begin(), x.end(), x.begin(), 0.0);
        return 1 / std::sqrt(squares / static_cast<double>(x.size()) + number("rms_norm_eps"));
    }

    [[nodiscard]] Row normed(Row x, const std::string& name) const {
        const double r = unit(x);
        for (std::size_t i = 0; i < x.size(); ++i) x[i] *= r * values(name)[i];
        return x;
    }

    // Rows first … first+count−1 of a matrix times x.
    [[nodiscard]] Row product(const std::string& name, std::span<const double> x, std::size_t first = 0, std::size_t count = 0) const {
        const auto& weight = values(name);
        Row y(count != 0 ? count : weight.size() / x.size());
        for (std::size_t o = 0; o < y.size(); ++o) {
            y[o] = std::inner_product(x.begin(), x.end(), weight.begin() + static_cast<std::ptrdiff_t>((first + o) * x.size()), 0.0);
        }
        return y;
    }

    // S_k = e_proj·enorm(e) + h_proj·hnorm(S_k).
    [[nodiscard]] Row join(std::span<const float> streams, Token next) const {
        const auto D = size("hidden_size");
        const auto& table = values("embed.weight");
        const auto at = table.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(next) * D);
        const auto e = product("mtp.0.e_proj.weight", normed(Row(at, at + static_cast<std::ptrdiff_t>(D)), "mtp.0.enorm.weight"));
        Row joined;
        for (std::size_t k = 0; k < size("hc_mult"); ++k) {
            const auto stream = streams.subspan(k * D, D);
            auto h = product("mtp.0.h_proj.weight", normed(Row(stream.begin(), stream.end()), "mtp.0.hnorm.weight"));
            for (std::size_t i = 0; i < D; ++i) joined.push_back(e[i] + h[i]);
        }
        return joined;
    }

    // C[j, k], its rows and columns brought to sums of one.
    [[nodiscard]] Row combination(Row c) const {
        const auto n = size("hc_mult");
        const double eps = number("hc_eps");
        const auto divide = [&](std::size_t outer, std::size_t inner) {
            for (std::size_t a = 0; a < n; ++a) {
                double sum = eps;
                for (std::size_t b = 0; b < n; ++b) sum += c[a * outer + b * inner];
                for (std::size_t b = 0; b < n; ++b) c[a * outer + b * inner] /= sum;
            }
        };
        for (std::size_t j = 0; j < n; ++j) {
            const auto row = std::span(c).subspan(j * n, n);
            const double most = *std::ranges::max_element(row);
            for (double& value : row) value = std::exp(value - most);
            const double sum = std::accumulate(row.begin(), row.end(), 0.0);
            for (double& value : row) value = value / sum + eps;
        }
        divide(1, n);
        for (std::size_t round = 1; round < size("hc_sinkhorn_iters"); ++round) divide(n, 1), divide(1, n);
        return c;
    }

    // S'_k = post_k·y + Σ_j C_jk·S_j, y of the normed Σ_i pre_i·S_i.
    template <class Layer>
    void sublayer(Row& x, const std::string& kind, const Layer& layer) const {
        const auto n = size("hc_mult"), D = size("hidden_size");
        const auto &base = values("mtp.0.hc_" + kind + "_base"), &scale = values("mtp.0.hc_" + kind + "_scale");
        auto mu = product("mtp.0.hc_" + kind + "_fn", x);
        const double r = unit(x);
        for (std::size_t i = 0; i < mu.size(); ++i) mu[i] = mu[i] * r * scale[std::min<std::size_t>(i / n, 2)] + base[i];
        Row u(D);
        for (std::size_t i = 0; i < n * D; ++i) u[i % D] += (sigmoid(mu[i / D]) + number("hc_eps")) * x[i];
        const Row y = layer(normed(u, "mtp.0." + kind + "_norm.weight"));
        const Row c = combination(Row(mu.begin() + static_cast<std::ptrdiff_t>(2 * n), mu.end()));
        Row after(n * D);
        for (std::size_t k = 0; k < n; ++k) {
            for (std::size_t i = 0; i < D; ++i) {
                after[k * D + i] = 2 * sigmoid(mu[n + k]) * y[i];
                for (std::size_t j = 0; j < n; ++j) after[k * D + i] += c[j * n + k] * x[j * D + i];
            }
        }
        x = after;
    }

    // The last values of a head, adjacent pairs, by an angle of the window's theta: no YaRN where nothing is compressed.
    void rotate(std::span<double> head, double position) const {
        const auto rope = size("qk_rope_head_dim");
        const auto last = head.last(rope);
        for (std::size_t i = 0; i < rope; i += 2) {
            const double angle = position * std::pow(number("rope_theta"), -static_cast<double>(i) / static_cast<double>(rope));
            const double a = last[i], b = last[i + 1];
            last[i] = a * std::cos(angle) - b * std::sin(angle);
            last[i + 1] = a * std::sin(angle) + b * std::cos(angle);
        }
    }

    [[nodiscard]] Row attention(const Row& h, double position) {
        const auto heads = size("num_attention_heads"), width = size("head_dim"), groups = size("o_groups"), rank = size("o_lora_rank");
        auto key = normed(product("mtp.0.attn.wkv.weight", h), "mtp.0.attn.kv_norm.weight");
        rotate(key, position);
        keys_.push_back(key);
        auto q = product("mtp.0.attn.wq_b.weight", normed(product("mtp.0.attn.wq_a.weight", h), "mtp.0.attn.q_norm.weight"));
        Row o;
        for (std::size_t head = 0; head < heads; ++head) {
            auto seen = head_output(std::span(q).subspan(head * width, width), values("mtp.0.attn.attn_sink")[head], position);
            rotate(seen, -position);
            o.insert(o.end(), seen.begin(), seen.end());
        }
        Row z;
        const auto chunk = o.size() / groups;
        for (std::size_t g = 0; g < groups; ++g) {
            const auto part = product("mtp.0.attn.wo_a.weight", std::span(o).subspan(g * chunk, chunk), g * rank, rank);
            z.insert(z.end(), part.begin(), part.end());
        }
        return product("mtp.0.attn.wo_b.weight", z);
    }

    // What one head sees of the window, its sink in the denominator alone.
    [[nodiscard]] Row head_output(std::span<double> q, double sink, double position) const {
        const double r = unit(q);
        for (double& value : q) value *= r;
        rotate(q, position);
        const auto first = keys_.size() - std::min(keys_.size(), size("sliding_window"));
        Row o(q.size());
        double sum = std::exp(sink);
        for (std::size_t s = first; s < keys_.size(); ++s) {
            const double score = std::inner_product(q.begin(), q.end(), keys_[s].begin(), 0.0) / std::sqrt(static_cast<double>(q.size()));
            sum += std::exp(score);
            for (std::size_t i = 0; i < o.size(); ++i) o[i] += std::exp(score) * keys_[s][i];
        }
        for (double& value : o) value /= sum;
        return o;
    }

    [[nodiscard]] Row expert(const std::string& name, const Row& h, double weight) const {
        const double limit = number("swiglu_limit");
        const auto gate = product(name + "w1.weight", h), up = product(name + "w3.weight", h);
        Row inner(gate.size());
        for (std::size_t i = 0; i < inner.size(); ++i) {
            const double g = std::min(gate[i], limit);
            inner[i] = g * sigmoid(g) * std::clamp(up[i], -limit, limit) * weight;
        }
        return product(name + "w2.weight", inner);
    }

    [[nodiscard]] Row experts(const Row& h) const {
        auto scores = product("mtp.0.ffn.gate.weight", h);
        for (double& score : scores) score = std::sqrt(std::log1p(std::exp(score)));
        const auto& bias = values("mtp.0.ffn.gate.bias");
        std::vector<std::size_t> order(scores.size());
        std::iota(order.begin(), order.end(), 0);
        std::ranges::stable_sort(order, [&](auto a, auto b) { return scores[a] + bias[a] > scores[b] + bias[b]; });
        order.resize(size("num_experts_per_tok"));
        double sum = 0;
        for (const auto e : order) sum += scores[e];
        Row y = expert("mtp.0.ffn.shared_experts.", h, 1);
        for (const auto e : order) {
            const auto part = expert("mtp.0.ffn.experts." + std::to_string(e) + ".", h, scores[e] / sum * number("routed_scaling_factor"));
            std::ranges::transform(y, part, y.begin(), std::plus());
        }
        return y;
    }

    // Σ p_i·S_i by the block's own parameters.
    [[nodiscard]] Row collapse(const Row& x) const {
        const auto D = size("hidden_size");
        const auto mu = product("mtp.0.hc_head_fn", x);
        const double r = unit(x), scale = values("mtp.0.hc_head_scale")[0];
        Row h(D);
        for (std::size_t i = 0; i < x.size(); ++i) {
            h[i % D] += (sigmoid(mu[i / D] * r * scale + values("mtp.0.hc_head_base")[i / D]) + number("hc_eps")) * x[i];
        }
        return h;
    }

    const CheckpointCopy& model_;
    std::map<std::string, Row> values_;
    std::vector<Row> keys_;  // of the tokens so far, which are values as well
};

}  // namespace rorqual::test
