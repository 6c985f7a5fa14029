#include "layers/latent_attention.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <tuple>

#include "ops/operands.hpp"
#include "rorqual/mla.hpp"
#include "support/executors.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Matrix;

namespace {

// heads, kv_lora, nope, rope, v: no two alike, so that no swapped pair goes unnoticed; nothing a multiple of 8 in the second.
const LatentAttentionShape shapes[] = {
    {.heads = 1, .kv_lora_rank = 1, .qk_nope_head_dim = 1, .qk_rope_head_dim = 2, .v_head_dim = 1, .softmax_scale = 1},
    {.heads = 5, .kv_lora_rank = 27, .qk_nope_head_dim = 9, .qk_rope_head_dim = 6, .v_head_dim = 11, .softmax_scale = 0.3f},
    {.heads = 3, .kv_lora_rank = 64, .qk_nope_head_dim = 32, .qk_rope_head_dim = 16, .v_head_dim = 24, .softmax_scale = 0.2f},
    {.heads = 40, .kv_lora_rank = 16, .qk_nope_head_dim = 4, .qk_rope_head_dim = 2, .v_head_dim = 8, .softmax_scale = 0.5f},
};
constexpr AttentionForm forms[] = {AttentionForm::absorbed, AttentionForm::naive};

// Operands of one call with gaps between the rows of q, c_kv, k_pe and out.
struct Case {
    LatentAttentionShape shape;
    std::int64_t first, queries;
    test::Values values{17};
    Matrix q{queries, shape.heads*(shape.qk_nope_head_dim + shape.qk_rope_head_dim), 3, values};
    Matrix c_kv{first + queries, shape.kv_lora_rank, 1, values};
    Matrix k_pe{first + queries, shape.qk_rope_head_dim, 2, values};
    test::Weights w_kv_b{DType::bf16, shape.heads*(shape.qk_nope_head_dim + shape.v_head_dim), shape.kv_lora_rank,
                         values.take(shape.heads*(shape.qk_nope_head_dim + shape.v_head_dim) * shape.kv_lora_rank), 1};
    Matrix out{queries, shape.heads* shape.v_head_dim, 2};

    std::vector<std::uint32_t> run(AttentionForm form, Executor* executor = nullptr) {
        latent_attention(shape, q.view(), c_kv.view(), k_pe.view(), w_kv_b.view(), first, out.view(), form, executor);
        CHECK(out.gaps_untouched());
        return out.bits();
    }
    // The same, `piece` queries a call.
    std::vector<std::uint32_t> run_in_pieces(AttentionForm form, std::int64_t piece) {
        for (std::int64_t t = 0; t < queries; t += piece) {
            const auto count = std::min(piece, queries - t);
            latent_attention(shape, q.view().slice_rows(t, count), c_kv.view().slice_rows(0, first + t + count),
                             k_pe.view().slice_rows(0, first + t + count), w_kv_b.view(), first + t, out.view().slice_rows(t, count), form);
        }
        return out.bits();
    }
};

double bf16_at(const WeightView& w, std::int64_t row, std::int64_t col) {
    std::uint16_t code = 0;
    std::memcpy(&code, w.data + row * w.row_bytes() + 2 * col, 2);
    return std::bit_cast<float>(std::uint32_t{code} << 16);
}

// Scores of one query and head in double, V2 eq. (10), (17)–(18), and the largest sum of magnitudes that went into one.
struct Expected {
    std::vector<double> out;  // [v]
    double score_magnitude = 0;
    double value_magnitude = 0;
};

Expected expected(Case& c, std::int64_t t, std::int64_t head) {
    const auto& s = c.shape;
    const auto w = c.w_kv_b.view();
    const auto row = head * (s.qk_nope_head_dim + s.v_head_dim);
    const auto column = head * (s.qk_nope_head_dim + s.qk_rope_head_dim);
    Expected e{std::vector<double>(static_cast<std::size_t>(s.v_head_dim)), 0, 0};
    std::vector<double> scores;
    for (std::int64_t key = 0; key <= c.first + t; ++key) {
        double score = 0, magnitude = 0;
        const auto add = [&](double a, double b) { score += a * b; magnitude += std::abs(a * b); };
        for (std::int64_t i = 0; i < s.qk_nope_head_dim; ++i) {
            for (std::int64_t j = 0; j < s.kv_lora_rank; ++j) add(c.q.at(t, column + i) * bf16_at(w, row + i, j), c.c_kv.at(key, j));
        }
        for (std::int64_t i = 0; i < s.qk_rope_head_dim; ++i) add(c.q.at(t, column + s.qk_nope_head_dim + i), c.k_pe.at(key, i));
        scores.push_back(s.softmax_scale * score);
        e.score_magnitude = std::max(e.score_magnitude, s.softmax_scale * magnitude);
    }
    const double peak = *std::max_element(scores.begin(), scores.end());
    double total = 0;
    for (double& score : scores) total += score = std::exp(score - peak);
    for (std::int64_t n = 0; n < s.v_head_dim; ++n) {
        for (std::size_t key = 0; key < scores.size(); ++key) {
            double value = 0, magnitude = 0;
            for (std::int64_t j = 0; j < s.kv_lora_rank; ++j) {
                const double product = bf16_at(w, row + s.qk_nope_head_dim + n, j) * c.c_kv.at(static_cast<std::int64_t>(key), j);
                value += product;
                magnitude += std::abs(product);
            }
            e.out[static_cast<std::size_t>(n)] += scores[key] / total * value;
            e.value_magnitude = std::max(e.value_magnitude, magnitude);
        }
    }
    return e;
}

}  // namespace

TEST_CASE("MLA: both forms on plain arrays agree with a scalar reference in double", "[layers][mla]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    const auto [first, queries] = GENERATE(std::pair<std::int64_t, std::int64_t>{0, 1}, std::pair<std::int64_t, std::int64_t>{0, 7},
                                           std::pair<std::int64_t, std::int64_t>{125, 6}, std::pair<std::int64_t, std::int64_t>{130, 1});
    Case c{shape, first, queries};
    c.run(form);
    CAPTURE(shape.heads, static_cast<int>(form), first, queries);
    double worst = 0;
    for (std::int64_t t = 0; t < queries; ++t) {
        for (std::int64_t h = 0; h < shape.heads; ++h) {
            const auto e = expected(c, t, h);
            const auto allowed = tolerance::attention(shape.kv_lora_rank, first + queries, e.score_magnitude) * e.value_magnitude;
            for (std::int64_t n = 0; n < shape.v_head_dim; ++n) {
                worst = std::max(worst, std::abs(c.out.at(t, h * shape.v_head_dim + n) - e.out[static_cast<std::size_t>(n)]) / allowed);
            }
        }
    }
    CHECK(worst <= 1);
}

TEST_CASE("MLA: a query's result has the same bits however many queries are evaluated with it", "[layers][mla]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c{shape, 100, 200};
    const auto whole = c.run(form);
    const std::int64_t piece = GENERATE(1, 2, 27, 64, 128, 129);
    CAPTURE(shape.heads, static_cast<int>(form), piece);
    CHECK(c.run_in_pieces(form, piece) == whole);
}

TEST_CASE("MLA: threads do not change a bit of the result", "[layers][mla][threads]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    const auto [first, queries] = GENERATE(std::pair<std::int64_t, std::int64_t>{0, 1}, std::pair<std::int64_t, std::int64_t>{1500, 1},
                                           std::pair<std::int64_t, std::int64_t>{300, 70});
    Case c{shape, first, queries};
    const auto alone = c.run(form);
    for (const std::size_t count : {1u, 2u, 3u, 5u}) {
        test::Threads threads(count);
        CAPTURE(shape.heads, static_cast<int>(form), first, queries, count);
        CHECK(c.run(form, &threads) == alone);
    }
}

TEST_CASE("MLA: absorbed decode equals naive attention on the same cache", "[layers][mla]") {
    Case c{shapes[2], 400, 3};
    c.run(AttentionForm::absorbed);
    Matrix absorbed = c.out;
    c.run(AttentionForm::naive);
    double worst = 0;
    for (std::int64_t t = 0; t < 3; ++t) {
        for (std::int64_t h = 0; h < c.shape.heads; ++h) {
            const auto e = expected(c, t, h);
            const auto allowed = 2 * tolerance::attention(c.shape.kv_lora_rank, 403, e.score_magnitude) * e.value_magnitude;
            for (std::int64_t n = 0; n < c.shape.v_head_dim; ++n) {
                const auto column = h * c.shape.v_head_dim + n;
                worst = std::max(worst, std::abs(double{absorbed.at(t, column)} - c.out.at(t, column)) / allowed);
            }
        }
    }
    CHECK(worst > 0);  // they are two ways of computing
    CHECK(worst <= 1);
}

TEST_CASE("MLA: a paged cache gives the bits of plain arrays", "[layers][mla]") {
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c{shapes[1], 190, 12};
    const auto plain = c.run(form);

    test::CountingMemory memory;
    layers::LatentCache cache(CacheFormat::f32, c.shape.kv_lora_rank, c.shape.qk_rope_head_dim, memory);
    cache.append(c.c_kv.view(), c.k_pe.view());
    Matrix q(c.queries, c.q.view().cols);  // rows adjacent
    for (std::int64_t t = 0; t < c.queries; ++t) std::ranges::copy(c.q.view().row(t), q.view().row(t).begin());
    cpu::Arena counting;
    (void)layers::AttentionScratch::cut(counting, c.shape, c.queries, 1);
    cpu::Arena arena(counting.bytes(), memory);
    const auto scratch = layers::AttentionScratch::cut(arena, c.shape, c.queries, 1);
    const auto kernels = ops::choose(cpu::detect());
    const auto workers = cpu::Workers::caller();
    layers::attend({.kernels = kernels, .workers = *workers}, c.shape, form, q.view(), cache.blocks(), {c.w_kv_b.view(), {}, {}}, c.first, {},
                   c.out.view(), scratch);
    CHECK(c.out.bits() == plain);
}

namespace {

// Attention in mode fast over a cache in int8, in pieces of queries, on so many threads.
std::vector<float> over_int8(Case& c, AttentionForm form, std::int64_t piece, std::size_t threads = 1) {
    const auto& shape = c.shape;
    test::CountingMemory memory;
    const auto workers = cpu::Workers::pool(threads);
    const auto n = c.first + c.queries;
    const auto cut = [&](cpu::Arena& arena) {
        return std::tuple(layers::AttentionScratch::cut(arena, shape, c.queries, threads), ops::Scratch::cut(arena, layers::AttentionScratch::decoded_values(shape), threads),
                          ops::take_room(arena, n, shape.kv_lora_rank), ops::take_room(arena, n, shape.qk_rope_head_dim));
    };
    cpu::Arena counting;
    (void)cut(counting);
    cpu::Arena arena(counting.bytes(), memory);
    const auto [scratch, products, latents, ropes] = cut(arena);
    const auto kernels = ops::choose(cpu::detect());
    const auto run = ops::Run{.kernels = kernels, .workers = *workers, .fast = true}.with(products);
    layers::LatentCache cache(CacheFormat::int8, shape.kv_lora_rank, shape.qk_rope_head_dim, memory);
    cache.append(ops::quantise(run, c.c_kv.view(), latents), ops::quantise(run, c.k_pe.view(), ropes));
    Matrix q(c.queries, c.q.view().cols), out(c.queries, shape.heads * shape.v_head_dim);
    for (std::int64_t t = 0; t < c.queries; ++t) std::ranges::copy(c.q.view().row(t), q.view().row(t).begin());
    for (std::int64_t t = 0; t < c.queries; t += piece) {
        const auto count = std::min(piece, c.queries - t);
        layers::attend(run, shape, form, q.view().slice_rows(t, count), cache.blocks(), {c.w_kv_b.view(), {}, {}}, c.first + t, {}, out.view().slice_rows(t, count), scratch);
    }
    std::vector<float> all;
    for (std::int64_t t = 0; t < c.queries; ++t) all.insert(all.end(), out.view().row(t).begin(), out.view().row(t).end());
    return all;
}

// kv_lora beyond one scale; heads whose keys and values have an int8 form, and heads whose have none.
const LatentAttentionShape int8_shapes[] = {
    {.heads = 3, .kv_lora_rank = 288, .qk_nope_head_dim = 32, .qk_rope_head_dim = 32, .v_head_dim = 64, .softmax_scale = 0.02f},
    {.heads = 20, .kv_lora_rank = 64, .qk_nope_head_dim = 24, .qk_rope_head_dim = 64, .v_head_dim = 20, .softmax_scale = 0.05f},
};

}  // namespace

TEST_CASE("MLA: keys in int8 give nearly what they give in f32, in both forms", "[layers][mla][int8]") {
    const auto& shape = GENERATE(from_range(std::begin(int8_shapes), std::end(int8_shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    for (const auto& [first, queries] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {120, 20}, {300, 1}, {7, 150}}) {
        Case c{shape, first, queries};
        c.run(form);
        const auto got = over_int8(c, form, queries);
        double worst = 0, most = 0;
        for (std::int64_t t = 0; t < queries; ++t) {
            for (std::int64_t n = 0; n < shape.heads * shape.v_head_dim; ++n) {
                worst = std::max(worst, std::abs(double{got[static_cast<std::size_t>(t * shape.heads * shape.v_head_dim + n)]} - c.out.at(t, n)));
                most = std::max(most, std::abs(double{c.out.at(t, n)}));
            }
        }
        CAPTURE(shape.heads, static_cast<int>(form), first, queries, worst / most);
        CHECK(worst > 0);
        CHECK(worst <= tolerance::int8_attention() * most);
    }
}

TEST_CASE("MLA: over keys in int8, neither the queries beside it nor threads change a bit of a query's result", "[layers][mla][int8]") {
    const auto& shape = GENERATE(from_range(std::begin(int8_shapes), std::end(int8_shapes)));
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c{shape, 100, 140};
    const auto whole = over_int8(c, form, 140);
    for (const std::int64_t piece : {1, 27, 64, 129}) CHECK(over_int8(c, form, piece) == whole);
    for (const std::size_t threads : {2u, 3u}) CHECK(over_int8(c, form, 140, threads) == whole);
}

TEST_CASE("MLA: equal keys share the weight, and a far better key takes it all", "[layers][mla]") {
    const LatentAttentionShape shape{.heads = 1, .kv_lora_rank = 2, .qk_nope_head_dim = 2, .qk_rope_head_dim = 2, .v_head_dim = 2, .softmax_scale = 1};
    const std::vector<float> identity{1, 0, 0, 1, 1, 0, 0, 1};  // W_uk, then W_uv
    const WeightView w{DType::f32, reinterpret_cast<const std::byte*>(identity.data()), 4, 2};
    std::vector<float> latent, rope;
    for (int s = 0; s < 200; ++s) {
        latent.insert(latent.end(), {static_cast<float>(s % 2), 1});
        rope.insert(rope.end(), {s == 150 ? 1.0f : 0.0f, 0});
    }
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    std::vector<float> q{0, 0, 0, 0}, out(2);
    const auto run = [&] { latent_attention(shape, {q.data(), 1, 4}, {latent.data(), 200, 2}, {rope.data(), 200, 2}, w, 199, {out.data(), 1, 2}, form); };
    run();
    CHECK(out[0] == Approx(0.5));
    CHECK(out[1] == Approx(1));
    q = {0, 0, 1000, 0};  // the rope key of token 150 alone answers
    run();
    CHECK(out[0] == 0);
    CHECK(out[1] == 1);
}

TEST_CASE("MLA: infinite scores neither crash nor reach queries before them", "[layers][mla]") {
    const auto form = GENERATE(from_range(std::begin(forms), std::end(forms)));
    Case c{shapes[1], 0, 140};
    const auto healthy = c.run(form);
    c.k_pe.at(139, 0) = std::numeric_limits<float>::infinity();
    const auto sick = c.run(form);
    const auto row = static_cast<std::ptrdiff_t>(c.shape.heads * c.shape.v_head_dim);
    CHECK(std::equal(healthy.begin(), healthy.end() - row, sick.begin()));
}

TEST_CASE("MLA: operands whose shapes disagree are refused by name", "[layers][mla][hostile]") {
    const auto refused = [](auto change) {
        Case c{shapes[1], 4, 2};
        auto shape = c.shape;
        ConstRows q = c.q.view(), c_kv = c.c_kv.view(), k_pe = c.k_pe.view();
        auto w = c.w_kv_b.view();
        auto out = c.out.view();
        std::int64_t first = 4;
        change(shape, q, c_kv, k_pe, w, first, out);
        return test::outcome_of([&] { latent_attention(shape, q, c_kv, k_pe, w, first, out); });
    };
    using S = LatentAttentionShape&;
    using C = ConstRows&;
    using W = WeightView&;
    using I = std::int64_t&;
    using R = Rows&;
    const auto expect = [](const test::Outcome& outcome, const std::string& name) {
        CHECK(outcome.status == Status::invalid_argument);
        CHECK_THAT(outcome.line, Catch::Contains(name));
    };
    CHECK(refused([](S, C, C, C, W, I, R) {}).ok());
    expect(refused([](S s, C, C, C, W, I, R) { s.heads = 0; }), "heads");
    expect(refused([](S s, C, C, C, W, I, R) { s.heads = INT64_MAX; }), "heads");
    expect(refused([](S s, C, C, C, W, I, R) { s.kv_lora_rank = -1; }), "kv_lora_rank");
    expect(refused([](S s, C, C, C, W, I, R) { s.qk_nope_head_dim = INT64_MAX; }), "qk_nope_head_dim");
    expect(refused([](S s, C, C, C, W, I, R) { s.qk_rope_head_dim = INT64_MIN; }), "qk_rope_head_dim");
    expect(refused([](S s, C, C, C, W, I, R) { s.v_head_dim = 0; }), "v_head_dim");
    expect(refused([](S, C q, C, C, W, I, R) { --q.cols; }), "q: columns");
    expect(refused([](S, C q, C, C, W, I, R) { q.data = nullptr; }), "q ");
    expect(refused([](S, C q, C, C, W, I, R) { q.stride = 1; }), "q ");
    expect(refused([](S, C q, C, C, W, I, R) { q.rows = -1; }), "q ");
    expect(refused([](S, C, C c, C, W, I, R) { --c.rows; }), "c_kv");
    expect(refused([](S, C, C c, C, W, I, R) { c.rows = 1; }), "c_kv");
    expect(refused([](S, C, C c, C, W, I, R) { --c.cols; }), "c_kv: columns");
    expect(refused([](S, C, C, C k, W, I, R) { ++k.rows; }), "k_pe: rows");
    expect(refused([](S, C, C, C k, W, I, R) { --k.cols; }), "k_pe: columns");
    expect(refused([](S, C, C, C, W w, I, R) { --w.rows; }), "w_kv_b: rows");
    expect(refused([](S, C, C, C, W w, I, R) { --w.cols; }), "w_kv_b: columns");
    expect(refused([](S, C, C, C, W w, I, R) { w.dtype = DType::i8; }), "w_kv_b");
    expect(refused([](S, C, C, C, W w, I, R) { w.data = nullptr; }), "w_kv_b");
    expect(refused([](S, C, C, C, W, I first, R) { first = -1; }), "first");
    expect(refused([](S, C, C, C, W, I first, R) { first = INT64_MAX; }), "first");
    expect(refused([](S, C, C, C, W, I, R o) { --o.rows; }), "out: rows");
    expect(refused([](S, C, C, C, W, I, R o) { --o.cols; }), "out: columns");
}

TEST_CASE("MLA: no queries is no work", "[layers][mla]") {
    Case c{shapes[1], 3, 0};
    CHECK(c.run(AttentionForm::automatic).empty());
}

TEST_CASE("MLA: the cost formula takes the absorbed form for decode and the naive form for long chunks", "[layers][mla]") {
    const LatentAttentionShape v2_lite{.heads = 16, .kv_lora_rank = 512, .qk_nope_head_dim = 128, .qk_rope_head_dim = 64, .v_head_dim = 128};
    CHECK(cheaper_form(v2_lite, 1, 100) == AttentionForm::absorbed);
    CHECK(cheaper_form(v2_lite, 1, 100000) == AttentionForm::absorbed);
    CHECK(cheaper_form(v2_lite, 512, 512) == AttentionForm::naive);
    CHECK(cheaper_form(v2_lite, 512, 8192) == AttentionForm::naive);
    CHECK(cheaper_form(v2_lite, INT64_MAX, INT64_MAX) == AttentionForm::naive);
}
