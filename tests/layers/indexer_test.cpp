// The lightning indexer against its equations in double.
#include "layers/indexer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "ops/layer_norm/layer_norm.hpp"
#include "ops/operands.hpp"
#include "rorqual/ops.hpp"
#include "support/memory.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using layers::IndexCache;
using layers::Indexer;
using test::Matrix;

namespace {

// heads, head_dim, rope, D and q_lora: no two alike, so that nothing swapped goes unnoticed.
constexpr std::int64_t heads = 5, head_dim = 14, rope_dim = 6, hidden = 9, q_lora = 7;

struct Case {
    std::int64_t tokens, top_k;
    test::Values values{31};
    test::Weights wq_b{DType::f32, heads* head_dim, q_lora, values.take(heads* head_dim* q_lora)};
    test::Weights wk{DType::f32, head_dim, hidden, values.take(head_dim* hidden)};
    test::Weights weights_proj{DType::f32, heads, hidden, values.take(heads* hidden)};
    Indexer indexer{{hidden, q_lora, heads, head_dim, top_k}, {wq_b.view(), wk.view(), values.take(head_dim), values.take(head_dim), weights_proj.view()}};
    Matrix x{tokens, hidden, 0, values};
    Matrix latent{tokens, q_lora, 0, values};
    Rope rope{rope_dim, 10000};

    // What each token attends to, evaluated in pieces.
    std::vector<std::vector<std::int32_t>> run(std::int64_t piece, std::size_t threads = 1, CacheFormat format = CacheFormat::f32) {
        test::CountingMemory memory;
        const auto cut = [&](cpu::Arena& arena) { return Indexer::Scratch::cut(arena, indexer.config, tokens, tokens, threads); };
        cpu::Arena counting;
        (void)cut(counting);
        cpu::Arena arena(counting.bytes(), memory);
        const auto scratch = cut(arena);
        const auto workers = cpu::Workers::pool(threads);
        const auto kernels = ops::choose(cpu::detect());
        const ops::Run ops_run{.kernels = kernels, .workers = *workers};
        IndexCache cache(format, head_dim, memory);
        std::vector<std::vector<std::int32_t>> all;
        for (std::int64_t t = 0; t < tokens; t += piece) {
            const auto count = std::min(piece, tokens - t);
            Matrix cos(count, rope_dim / 2), sin(count, rope_dim / 2);
            rope.angles(t, cos.view(), sin.view());
            const layers::RopeAngles angles{cos.view(), sin.view()};
            const auto rows = x.view().slice_rows(t, count);
            cache.append(indexer.keys(ops_run, rows, angles, scratch));
            layers::Selection selection;
            if (indexer.selects(cache.position())) {
                selection = indexer.select(ops_run, indexer.query(ops_run, latent.view().slice_rows(t, count), rows, angles, scratch), cache, scratch);
            }
            for (std::int64_t i = t; i < t + count; ++i) {
                if (selection.everything()) {
                    auto& everything = all.emplace_back();
                    for (std::int32_t s = 0; s <= i; ++s) everything.push_back(s);
                } else {
                    const auto of = selection.of(i);
                    all.emplace_back(of.begin(), of.end());
                }
            }
        }
        return all;
    }
};

double value(const WeightView& w, std::int64_t row, std::int64_t col) {
    float v = 0;
    std::memcpy(&v, w.data + (row * w.cols + col) * 4, 4);
    return v;
}

std::vector<double> product(const WeightView& w, std::span<const float> x) {
    std::vector<double> y(static_cast<std::size_t>(w.rows));
    for (std::int64_t r = 0; r < w.rows; ++r) {
        for (std::int64_t c = 0; c < w.cols; ++c) y[static_cast<std::size_t>(r)] += value(w, r, c) * x[static_cast<std::size_t>(c)];
    }
    return y;
}

// Halves of the first rope_dim values, from `at` on, are real and imaginary parts.
void rotate(std::vector<double>& v, std::size_t at, std::int64_t position) {
    constexpr std::size_t half = rope_dim / 2;
    for (std::size_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(position) * std::pow(10000.0, -2.0 * static_cast<double>(i) / rope_dim);
        const double a = v[at + i], b = v[at + i + half];
        v[at + i] = a * std::cos(angle) - b * std::sin(angle);
        v[at + i + half] = b * std::cos(angle) + a * std::sin(angle);
    }
}

std::vector<double> key(Case& c, std::int64_t s) {
    auto k = product(c.wk.view(), c.x.view().row(s));
    double mean = 0, variance = 0;
    for (const double v : k) mean += v / head_dim;
    for (const double v : k) variance += (v - mean) * (v - mean) / head_dim;
    const auto& w = c.indexer.weights;
    for (std::size_t i = 0; i < k.size(); ++i) k[i] = (k[i] - mean) / std::sqrt(variance + 1e-6) * w.k_norm_weight[i] + w.k_norm_bias[i];
    rotate(k, 0, s);
    return k;
}

// I(t, s) = Σ_h w_h · relu(q_h · k_s)
std::vector<double> scores(Case& c, std::int64_t t) {
    auto q = product(c.wq_b.view(), c.latent.view().row(t));
    const auto w = product(c.weights_proj.view(), c.x.view().row(t));
    for (std::size_t h = 0; h < heads; ++h) rotate(q, h * head_dim, t);
    std::vector<double> all;
    for (std::int64_t s = 0; s <= t; ++s) {
        const auto k = key(c, s);
        double score = 0;
        for (std::size_t h = 0; h < heads; ++h) {
            double dot = 0;
            for (std::size_t i = 0; i < head_dim; ++i) dot += q[h * head_dim + i] * k[i];
            score += w[h] / std::sqrt(double{heads}) * std::max(dot / std::sqrt(double{head_dim}), 0.0);
        }
        all.push_back(score);
    }
    return all;
}

}  // namespace

TEST_CASE("the indexer selects the tokens with the highest scores of its equations", "[layers][indexer]") {
    Case c{300, 40};
    const auto got = c.run(300);
    int compared = 0;
    for (const std::int64_t t : {0, 5, 38, 39, 40, 41, 90, 127, 128, 200, 255, 256, 299}) {
        CAPTURE(t);
        const auto score = scores(c, t);
        std::vector<std::int32_t> order(score.size());
        for (std::size_t s = 0; s < order.size(); ++s) order[s] = static_cast<std::int32_t>(s);
        std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::int32_t s) { return score[static_cast<std::size_t>(s)]; });
        if (t >= c.top_k) {
            const double margin = score[static_cast<std::size_t>(order[39])] - score[static_cast<std::size_t>(order[40])];
            if (margin < 1e-5) continue;
            order.resize(40);
        }
        std::ranges::sort(order);
        CHECK(got[static_cast<std::size_t>(t)] == order);
        ++compared;
    }
    CHECK(compared > 9);
}

TEST_CASE("what is selected is the same however a text is cut and on any number of threads", "[layers][indexer][threads]") {
    const auto format = GENERATE(CacheFormat::f32, CacheFormat::bf16, CacheFormat::int8);
    Case c{420, 30};
    const auto whole = c.run(420, 1, format);
    for (const std::int64_t piece : {1, 3, 4, 5, 127, 128, 129}) CHECK(c.run(piece, 1, format) == whole);
    for (const std::size_t threads : {2u, 3u}) {
        CHECK(c.run(420, threads, format) == whole);
        CHECK(c.run(1, threads, format) == whole);
    }
}

TEST_CASE("index keys in bf16 select nearly what keys in f32 select", "[layers][indexer][cache]") {
    Case c{420, 30};
    const auto exact = c.run(420), rounded = c.run(420, 1, CacheFormat::bf16);
    std::size_t same = 0, all = 0;
    for (std::size_t t = 30; t < exact.size(); ++t) {
        std::vector<std::int32_t> both;
        std::ranges::set_intersection(exact[t], rounded[t], std::back_inserter(both));
        same += both.size();
        all += exact[t].size();
    }
    CHECK(rounded != exact);  // it does round
    CHECK(static_cast<double>(same) / static_cast<double>(all) >= tolerance::bf16_selection());
}

TEST_CASE("of tokens with equal scores the earlier are selected", "[layers][indexer]") {
    Case c{200, 20};
    const test::Weights none(DType::f32, heads, hidden, std::vector<float>(heads * hidden));
    c.indexer.weights.weights_proj = none.view();  // all scores are 0
    std::vector<std::int32_t> first(20);
    for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int32_t>(i);
    for (const std::int64_t piece : {1, 200}) {
        const auto got = c.run(piece);
        for (std::size_t t = 20; t < 200; ++t) CHECK(got[t] == first);
    }
}

TEST_CASE("index keys are remembered while everything is selected", "[layers][indexer]") {
    Case c{100, 4000};
    for (std::int64_t t = 0; t < 100; ++t) {
        for (float& v : c.x.view().row(t)) v *= 1e-3F;  // so small that the norm's eps shows
    }
    test::CountingMemory memory;
    cpu::Arena counting;
    (void)Indexer::Scratch::cut(counting, c.indexer.config, 100, 100, 1);
    cpu::Arena arena(counting.bytes(), memory);
    const auto scratch = Indexer::Scratch::cut(arena, c.indexer.config, 100, 100, 1);
    const auto workers = cpu::Workers::caller();
    const auto kernels = ops::choose(cpu::detect());
    Matrix cos(100, rope_dim / 2), sin(100, rope_dim / 2);
    c.rope.angles(0, cos.view(), sin.view());
    IndexCache cache(CacheFormat::f32, head_dim, memory);
    cache.append(c.indexer.keys({.kernels = kernels, .workers = *workers}, c.x.view(), {cos.view(), sin.view()}, scratch));
    REQUIRE(cache.position() == 100);
    const auto keys = cache.page(0);
    for (const std::int64_t s : {0, 57, 99}) {
        const auto expected = key(c, s);
        for (std::int64_t i = 0; i < head_dim; ++i) CHECK(value(keys, s, i) == Approx(expected[static_cast<std::size_t>(i)]).margin(1e-5));
    }
}

TEST_CASE("an index cache can be cut, forked and filled again", "[layers][indexer][cache]") {
    test::CountingMemory memory;
    IndexCache cache(CacheFormat::f32, 3, memory);
    const auto append = [](IndexCache& to, std::int64_t count, float mark) {
        Matrix keys(count, 3);
        for (std::int64_t t = 0; t < count; ++t) {
            for (std::int64_t i = 0; i < 3; ++i) keys.at(t, i) = static_cast<float>(10 * (to.position() + t) + i) + mark;
        }
        to.append(keys.view());
    };
    const auto holds = [](const IndexCache& in, std::int64_t s, float mark) { return value(in.page(s / 128), s % 128, 2) == static_cast<double>(static_cast<float>(10 * s + 2) + mark); };
    append(cache, 200, 0);
    CHECK(cache.bytes() == 2 * 128 * IndexCache::bytes_per_token(CacheFormat::f32, 3));
    const auto fork = cache.fork();
    auto& twin = dynamic_cast<IndexCache&>(*fork);
    CHECK(cache.rewind(150) == 150);
    append(cache, 50, 0.5F);
    append(twin, 50, 0.25F);
    CHECK(cache.page(1).rows == 72);
    CHECK(twin.page(1).rows == 122);
    for (const std::int64_t s : {0, 127, 128, 149}) CHECK((holds(cache, s, 0) && holds(twin, s, 0)));
    CHECK(holds(cache, 150, 0.5F));
    CHECK(holds(twin, 150, 0));
    CHECK(holds(twin, 200, 0.25F));
    CHECK(IndexCache::bytes_per_token(CacheFormat::bf16, 128) == 256);
    CHECK(IndexCache::bytes_per_token(CacheFormat::int8, 128) == 256);
}

TEST_CASE("a layer norm of a constant row is its bias, and eps is 1e-6", "[layers][indexer]") {
    const std::vector<float> weight{2, 3, 4, 5}, bias{1, -1, 0.5F, 0};
    Matrix x(2, 4), y(2, 4);
    for (std::int64_t i = 0; i < 4; ++i) {
        x.at(0, i) = 7;
        x.at(1, i) = i % 2 == 0 ? 0.001F : -0.001F;  // variance 1e-6
    }
    ops::layer_norm(x.view(), weight, bias, Indexer::norm_eps, y.view());
    for (std::int64_t i = 0; i < 4; ++i) {
        const auto n = static_cast<std::size_t>(i);
        CHECK(y.at(0, i) == bias[n]);
        CHECK(y.at(1, i) == Approx((i % 2 == 0 ? 1 : -1) * std::sqrt(0.5) * weight[n] + bias[n]).epsilon(1e-5));
    }
}
