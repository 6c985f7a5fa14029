#include "layers/shared_kv_attention.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <memory_resource>
#include <random>

#include "layers/hash_router.hpp"
#include "layers/swiglu_limit.hpp"
#include "ops/operands.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using layers::Compressor;
using layers::SharedKvAttention;
using layers::SharedKvCache;

namespace {

constexpr SharedKvAttention::Config config{.hidden = 40, .heads = 6, .width = 24, .rope = 8, .q_lora_rank = 20, .o_lora_rank = 10, .o_groups = 3, .window = 5, .norm_eps = 1e-6f};
constexpr layers::EntryIndexer::Config indexer{.heads = 3, .width = 16, .rope = 8, .top_k = 6, .hidden = 40, .q_lora_rank = 20};

// A layer with random weights and all it needs to run.
class Layer {
 public:
    explicit Layer(std::int64_t ratio, float sink = 0) : ratio_(ratio) {
        attention.config = config;
        auto& w = attention.weights;
        w.wq_a = matrix(config.q_lora_rank, config.hidden);
        w.q_norm = vector(config.q_lora_rank);
        w.wq_b = matrix(config.q_width(), config.q_lora_rank);
        w.wkv = matrix(config.width, config.hidden);
        w.kv_norm = vector(config.width);
        w.sinks.assign(static_cast<std::size_t>(config.heads), sink);
        w.wo_a = matrix(config.o_groups * config.o_lora_rank, config.group_width());
        w.wo_b = matrix(config.hidden, config.o_groups * config.o_lora_rank);
        w.no_scale.assign(static_cast<std::size_t>(config.width), 1.0f);
        if (ratio != 0) attention.compressor = compressor(config.width);
        if (ratio == 4) {
            attention.indexer.emplace();
            attention.indexer->config = indexer;
            attention.indexer->wq = matrix(indexer.heads * indexer.width, indexer.q_lora_rank);
            attention.indexer->weights = matrix(indexer.heads, indexer.hidden);
            attention.indexer->compressor = compressor(indexer.width);
        }
        cpu::Arena counting;
        (void)SharedKvAttention::Scratch::cut(counting, config, &indexer, 1000, 1);
        (void)ops::Scratch::cut(counting, 16 * 200, 1);
        arena_ = std::make_unique<cpu::Arena>(counting.bytes(), *std::pmr::new_delete_resource());
        scratch_ = SharedKvAttention::Scratch::cut(*arena_, config, &indexer, 1000, 1);
        products_ = ops::Scratch::cut(*arena_, 16 * 200, 1);
    }

    [[nodiscard]] SharedKvCache cache(CacheFormat format = CacheFormat::f32) const { return {format, attention.cache_sizes(), *std::pmr::new_delete_resource()}; }

    // Outputs of the tokens x [T, D] behind those in the cache.
    std::vector<float> run(SharedKvCache& cache, std::span<const float> x) {
        const auto T = static_cast<std::int64_t>(x.size()) / config.hidden;
        std::vector<float> y(x.size());
        const ops::Run run{ops::best_kernels(), *workers_};
        attention.forward(run.with(products_), ConstRows(x.data(), T, config.hidden), rope_, cache, Rows(y.data(), T, config.hidden), scratch_);
        return y;
    }
    std::vector<float> fresh(std::span<const float> x, CacheFormat format = CacheFormat::f32) {
        auto empty = cache(format);
        return run(empty, x);
    }
    // Entries that the indexer chooses for queries [T, q_lora] of tokens x [T, D] at positions `first` …, in the cache's last page.
    std::vector<std::int32_t> choose(const SharedKvCache& cache, std::span<const float> x, std::span<const float> queries, std::int64_t first) {
        const auto T = static_cast<std::int64_t>(x.size()) / config.hidden;
        const auto cos = scratch_.cos.slice_rows(0, T), sin = scratch_.sin.slice_rows(0, T);
        rope_.angles(first, cos, sin);
        const ops::Run run{ops::best_kernels(), *workers_};
        const auto chosen = attention.indexer->choose(run.with(products_), ConstRows(x.data(), T, config.hidden), ConstRows(queries.data(), T, config.q_lora_rank), {cos, sin}, cache, first, scratch_.indexer);
        return {chosen.begin(), chosen.end()};
    }

    SharedKvAttention attention;

 private:
    WeightView matrix(std::int64_t rows, std::int64_t cols) {
        auto& values = stored_.emplace_back(static_cast<std::size_t>(rows * cols));
        std::normal_distribution<float> value(0, 1 / std::sqrt(static_cast<float>(cols)));
        for (float& v : values) v = value(random_);
        return weight_view({values.data(), rows, cols});
    }
    std::vector<float> vector(std::int64_t length) {
        std::vector<float> values(static_cast<std::size_t>(length));
        for (float& v : values) v = std::uniform_real_distribution<float>(0.5f, 1.5f)(random_);
        return values;
    }
    Compressor compressor(std::int64_t width) {
        Compressor c{.config = {ratio_, ratio_ == 4, config.hidden, width, config.rope, config.norm_eps}, .wkv = {}, .wgate = {}, .ape = {}, .norm = vector(width)};
        c.wkv = matrix(c.config.channels(), config.hidden);
        c.wgate = matrix(c.config.channels(), config.hidden);
        c.ape = vector(ratio_ * c.config.channels());
        return c;
    }

    std::int64_t ratio_;
    std::mt19937 random_{7};
    std::vector<std::vector<float>> stored_;
    std::unique_ptr<cpu::Workers> workers_ = cpu::Workers::caller();
    std::unique_ptr<cpu::Arena> arena_;
    SharedKvAttention::Scratch scratch_;
    ops::Scratch products_;
    Rope rope_{config.rope, 10000};
};

std::vector<float> tokens(std::int64_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> value;
    std::vector<float> x(static_cast<std::size_t>(count * config.hidden));
    for (float& v : x) v = value(random);
    return x;
}

double furthest(std::span<const float> a, std::span<const float> b) {
    double most = 0;
    for (std::size_t i = 0; i < a.size(); ++i) most = std::max(most, std::abs(double{a[i]} - b[i]));
    return most;
}

double close() { return 100 * tolerance::f32_dot(config.q_width()); }  // of values about 1, through five products in turn

}  // namespace

TEST_CASE("shared key-value attention: a sink takes its part of the weight and gives nothing", "[layers][v4]") {
    const auto x = tokens(9, 1);
    constexpr float infinity = std::numeric_limits<float>::infinity();
    for (const std::int64_t ratio : {0, 4, 128}) {
        for (const float y : Layer(ratio, 1e30f).fresh(x)) CHECK(y == 0);
        for (const float y : Layer(ratio, infinity).fresh(x)) CHECK(y == 0);
        CHECK(Layer(ratio, -infinity).fresh(x) == Layer(ratio, -1e30f).fresh(x));  // a plain softmax
        CHECK(furthest(Layer(ratio, 0).fresh(x), Layer(ratio, -infinity).fresh(x)) > 0.01);
    }
}

TEST_CASE("shared key-value attention: a window sees its own token and those before it, and not where they stand in the text", "[layers][v4]") {
    Layer layer(0);
    const auto before = tokens(200, 2), text = tokens(9, 3);
    const auto last = [&](std::int64_t prefix) {
        std::vector<float> x(before.begin(), before.begin() + prefix * config.hidden);
        x.insert(x.end(), text.begin(), text.end());
        auto y = layer.fresh(x);
        y.erase(y.begin(), y.end() - config.hidden);
        return y;
    };
    for (const std::int64_t prefix : {1, 3, 119, 120, 200}) CHECK(furthest(last(prefix), last(0)) < close());  // keys are rotated back
    auto changed = text;
    changed[static_cast<std::size_t>((9 - config.window - 1) * config.hidden)] += 1;  // just outside of the last token's window
    CHECK(furthest(layer.fresh(changed), layer.fresh(text)) > 0.01);
    const auto end = [&](const std::vector<float>& y) { return std::span(y).last(config.hidden); };
    CHECK(furthest(end(layer.fresh(changed)), end(layer.fresh(text))) == 0);
    changed[static_cast<std::size_t>((9 - config.window) * config.hidden)] += 1;  // just inside
    CHECK(furthest(end(layer.fresh(changed)), end(layer.fresh(text))) > 1e-4);
}

TEST_CASE("shared key-value attention: an entry is seen from its last token on", "[layers][v4]") {
    for (const std::int64_t ratio : {4, 128}) {
        Layer layer(ratio), window(0);
        window.attention.weights = layer.attention.weights;
        const auto x = tokens(ratio + 1, 4);
        const auto y = layer.fresh(x), alone = window.fresh(x);
        const auto at = [&](const std::vector<float>& of, std::int64_t t) { return std::span(of).subspan(static_cast<std::size_t>(t * config.hidden), config.hidden); };
        CHECK(furthest(at(y, ratio - 2), at(alone, ratio - 2)) == 0);
        CHECK(furthest(at(y, ratio - 1), at(alone, ratio - 1)) > 1e-3);
    }
}

TEST_CASE("shared key-value attention: any way of cutting a text gives the same bits", "[layers][v4]") {
    const auto format = GENERATE(CacheFormat::f32, CacheFormat::compact);
    for (const std::int64_t ratio : {0, 4, 128}) {
        Layer layer(ratio);
        const auto x = tokens(300, 5);
        const auto whole = layer.fresh(x, format);
        for (const std::int64_t piece : {1, 3, 4, 5, 127, 128, 129}) {
            auto cache = layer.cache(format);
            std::vector<float> y;
            for (std::int64_t t = 0; t < 300; t += piece) {
                const auto part = layer.run(cache, std::span(x).subspan(static_cast<std::size_t>(t * config.hidden), static_cast<std::size_t>(std::min(piece, 300 - t) * config.hidden)));
                y.insert(y.end(), part.begin(), part.end());
            }
            CAPTURE(ratio, piece);
            CHECK(y == whole);
        }
    }
}

TEST_CASE("compact index keys choose most of the entries that f32 keys choose", "[layers][v4]") {
    Layer layer(4);
    constexpr std::int64_t positions = 380, first = 260, T = 120;
    const auto x = tokens(positions, 8);
    std::mt19937 random(9);
    std::vector<float> queries(static_cast<std::size_t>(T * config.q_lora_rank));
    for (float& v : queries) v = std::normal_distribution<float>()(random);
    const auto chosen = [&](CacheFormat format) {
        auto cache = layer.cache(format);
        (void)layer.run(cache, x);
        return layer.choose(cache, std::span(x).last(static_cast<std::size_t>(T * config.hidden)), queries, first);
    };
    const auto exact = chosen(CacheFormat::f32), compact = chosen(CacheFormat::compact);
    std::int64_t same = 0;
    for (std::int64_t t = 0; t < T; ++t) {
        const auto of = [&](const std::vector<std::int32_t>& ids) { return std::span(ids).subspan(static_cast<std::size_t>(t * indexer.top_k), static_cast<std::size_t>(indexer.top_k)); };
        for (const auto id : of(compact)) same += std::ranges::binary_search(of(exact), id) ? 1 : 0;
    }
    const double part = static_cast<double>(same) / static_cast<double>(exact.size());
    CAPTURE(part);
    CHECK(part >= tolerance::fp4_selection());
    CHECK(part < 1);
}

TEST_CASE("index keys are written while every entry is chosen", "[layers][v4]") {
    Layer layer(4);
    const auto x = tokens(120, 6);
    auto cache = layer.cache();
    (void)layer.run(cache, std::span(x).first(static_cast<std::size_t>(indexer.top_k * 4 * config.hidden)));
    for (std::int64_t w = 0; w < indexer.top_k; ++w) {
        std::vector<float> key(static_cast<std::size_t>(indexer.width));
        cache.get_index_key(w, key);
        CHECK(std::ranges::any_of(key, [](float v) { return v != 0; }));
    }
}

TEST_CASE("bounds of SwiGLU hold the gate from above alone and the other from both sides", "[layers][v4]") {
    std::vector<float> gate = {-100, 3, 100, std::numeric_limits<float>::quiet_NaN()}, up = {-100, 3, 100, 5};
    layers::SwigluLimit{10}.apply(Rows(gate.data(), 1, 4), Rows(up.data(), 1, 4));
    CHECK(gate[0] == -100);
    CHECK(gate[1] == 3);
    CHECK(gate[2] == 10);
    CHECK(std::isnan(gate[3]));
    CHECK(up == std::vector<float>{-10, 3, 10, 5});
}

TEST_CASE("a hash router takes experts from its table and their weights from the scores, without a bias", "[layers][v4]") {
    const auto workers = cpu::Workers::caller();
    const ops::Run run{ops::best_kernels(), *workers};
    const RouterOptions options{.experts = 3, .experts_per_token = 2, .scoring = Scoring::sqrt_softplus, .normalise = true, .scale = 1.5f};
    const std::vector<float> gate = {1, 0, 0, 1, -2, 1};  // [3, 2]
    const layers::Router router{options, weight_view({gate.data(), 3, 2}), {100, -100, 50}};
    const layers::HashRouter hash{{0, 1, 2, 0, 1, 2}};
    cpu::Arena counting;
    (void)layers::Router::Scratch::cut(counting, options, 2, 1);
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    const auto scratch = layers::Router::Scratch::cut(arena, options, 2, 1);
    const std::vector<float> x = {0.5f, -1, 30, 2};
    const std::vector<Token> ids = {2, 1};
    const auto choice = hash.choose(run, router, ids, ConstRows(x.data(), 2, 2), scratch);
    CHECK(std::vector(choice.ids.begin(), choice.ids.end()) == std::vector<std::int32_t>{1, 2, 2, 0});
    const auto score = [](double z) { return std::sqrt(std::log1p(std::exp(z))); };
    const double a = score(-1), b = score(-2), c = score(-58), d = score(30);
    CHECK(choice.weights[0] == Approx(1.5 * a / (a + b)));
    CHECK(choice.weights[1] == Approx(1.5 * b / (a + b)));
    CHECK(choice.weights[2] == Approx(1.5 * c / (c + d)));
    CHECK(choice.weights[3] == Approx(1.5 * d / (c + d)));
}
