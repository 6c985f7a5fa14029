#include "layers/experts.hpp"

#include <catch2/catch.hpp>

#include "ops/operands.hpp"
#include "rorqual/moe.hpp"
#include "support/executors.hpp"
#include "support/memory.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Matrix;
using test::Weights;

namespace {

struct Shape {
    std::int64_t experts, per_token, hidden, width, tokens;
};

// An operand set; the ids leave some experts without tokens where there are enough of them.
struct Case {
    Shape shape;
    test::Values values{23};
    std::vector<Weights> stored;
    std::vector<Expert> experts;
    std::vector<std::int32_t> ids;
    std::vector<float> weights;
    Matrix x{shape.tokens, shape.hidden, 3, values};
    Matrix y{shape.tokens, shape.hidden, 1, values};

    explicit Case(const Shape& s, DType dtype = DType::f32) : shape(s) {
        for (std::int64_t e = 0; e < s.experts; ++e) {
            for (int i = 0; i < 2; ++i) stored.emplace_back(dtype, s.width, s.hidden, values.take(s.width * s.hidden), 2);
            stored.emplace_back(dtype, s.hidden, s.width, values.take(s.width * s.hidden));
        }
        for (std::size_t e = 0; e < static_cast<std::size_t>(s.experts); ++e) {
            experts.push_back({stored[3 * e].view(), stored[3 * e + 1].view(), stored[3 * e + 2].view()});
        }
        for (std::int64_t slot = 0; slot < s.tokens * s.per_token; ++slot) {
            ids.push_back(static_cast<std::int32_t>((slot * slot * 7 + slot) % s.experts));
        }
        weights = values.take(s.tokens * s.per_token);
    }
    void run(Executor* executor = nullptr) { mix_experts(experts, shape.per_token, ids, weights, x.view(), y.view(), executor); }
};

float stored_value(const WeightView& w, std::int64_t row, std::int64_t col) {
    const std::byte* const at = w.data + row * w.row_bytes() + col * block_bytes(w.dtype);
    float value = 0;
    std::uint16_t code = 0;
    if (w.dtype == DType::f32)
        std::memcpy(&value, at, 4);
    else
        std::memcpy(&code, at, 2);
    return w.dtype == DType::f32 ? value : std::bit_cast<float>(std::uint32_t{code} << 16);
}

// V2 eq. (20) as a double loop over tokens and their experts; `magnitude` sums |terms| of the same result.
void add_expected(Case& c, std::int64_t t, std::vector<double>& y, std::vector<double>& magnitude) {
    for (std::int64_t j = 0; j < c.shape.per_token; ++j) {
        const auto slot = static_cast<std::size_t>(t * c.shape.per_token + j);
        const auto& expert = c.experts[static_cast<std::size_t>(c.ids[slot])];
        for (std::int64_t i = 0; i < c.shape.width; ++i) {
            double gate = 0, up = 0, gate_size = 0, up_size = 0;
            for (std::int64_t d = 0; d < c.shape.hidden; ++d) {
                const double g = stored_value(expert.gate, i, d) * c.x.at(t, d), u = stored_value(expert.up, i, d) * c.x.at(t, d);
                gate += g;
                up += u;
                gate_size += std::abs(g);
                up_size += std::abs(u);
            }
            const double inner = gate / (1 + std::exp(-gate)) * up;
            for (std::int64_t d = 0; d < c.shape.hidden; ++d) {
                const double w = double{c.weights[slot]} * stored_value(expert.down, d, i);
                y[static_cast<std::size_t>(d)] += w * inner;
                magnitude[static_cast<std::size_t>(d)] += std::abs(w) * gate_size * up_size;
            }
        }
    }
}

const Shape shapes[] = {{1, 1, 1, 1, 1}, {5, 2, 7, 3, 9}, {8, 3, 33, 17, 1}, {3, 3, 40, 20, 70}, {64, 6, 24, 130, 40}, {4, 2, 300, 33, 150}, {2, 5, 8, 8, 4}};

}  // namespace

TEST_CASE("mixing experts equals a double loop over tokens and their experts", "[layers][experts]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    const auto dtype = GENERATE(DType::f32, DType::bf16);
    Case c(shape, dtype);
    Matrix before = c.y;
    c.run();
    CHECK(c.y.gaps_untouched());
    double worst = 0;
    for (std::int64_t t = 0; t < shape.tokens; ++t) {
        std::vector<double> y, magnitude(static_cast<std::size_t>(shape.hidden), 1.0);  // 1: what was there before
        for (const float v : before.view().row(t)) y.push_back(v);
        add_expected(c, t, y, magnitude);
        for (std::size_t d = 0; d < y.size(); ++d) {
            worst = std::max(worst, std::abs(y[d] - c.y.view().row(t)[d]) / (magnitude[d] * tolerance::ffn(shape.hidden + shape.width)));
        }
    }
    CAPTURE(shape.experts, shape.per_token, shape.hidden, shape.width, shape.tokens);
    CHECK(worst <= 1);
}

TEST_CASE("a token's mix has the same bits whatever other tokens are mixed with it", "[layers][experts]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    Case whole(shape), pieces(shape);
    whole.run();
    const std::int64_t piece = GENERATE(1, 7);
    const auto k = static_cast<std::size_t>(shape.per_token);
    for (std::int64_t t = 0; t < shape.tokens; t += piece) {
        const auto count = std::min(piece, shape.tokens - t);
        const auto from = static_cast<std::size_t>(t) * k, size = static_cast<std::size_t>(count) * k;
        mix_experts(pieces.experts, shape.per_token, std::span(pieces.ids).subspan(from, size), std::span(pieces.weights).subspan(from, size),
                    pieces.x.view().slice_rows(t, count), pieces.y.view().slice_rows(t, count));
    }
    CHECK(pieces.y.bits() == whole.y.bits());
}

TEST_CASE("threads do not change a bit of a mix", "[layers][experts][threads]") {
    const auto& shape = GENERATE(from_range(std::begin(shapes), std::end(shapes)));
    Case alone(shape);
    alone.run();
    for (const std::size_t count : {2u, 3u, 5u}) {
        test::Threads threads(count);
        Case c(shape);
        c.run(&threads);
        CHECK(c.y.bits() == alone.y.bits());
    }
}

TEST_CASE("experts of different widths can be mixed", "[layers][experts]") {
    Case narrow({2, 1, 6, 3, 4}), wide({2, 1, 6, 200, 4});
    const std::vector<Expert> both{narrow.experts[0], wide.experts[1]};
    const std::vector<std::int32_t> ids{0, 1, 1, 0};
    Matrix y = narrow.y;
    mix_experts(both, 1, ids, narrow.weights, narrow.x.view(), y.view());
    for (std::int64_t t = 0; t < 4; ++t) {
        // Each token's expert alone, in a list where all have its width.
        Matrix one = narrow.y;
        const auto& of = ids[static_cast<std::size_t>(t)] == 0 ? narrow : wide;
        mix_experts(of.experts, 1, std::span(ids).subspan(static_cast<std::size_t>(t), 1), std::span(narrow.weights).subspan(static_cast<std::size_t>(t), 1),
                    narrow.x.view().slice_rows(t, 1), one.view().slice_rows(t, 1));
        CHECK(std::ranges::equal(one.view().row(t), y.view().row(t)));
    }
}

TEST_CASE("no tokens and experts without tokens are no work", "[layers][experts]") {
    Case c({5, 2, 7, 3, 0});
    c.run();
    CHECK(c.y.gaps_untouched());
    Case one({5, 1, 7, 3, 2});
    one.ids = {4, 4};
    for (std::size_t e = 0; e < 4; ++e) {  // never touched: their values are NaN
        one.stored[3 * e] = Weights(DType::f32, 3, 7, std::vector<float>(21, std::numeric_limits<float>::quiet_NaN()));
        one.experts[e].gate = one.stored[3 * e].view();
    }
    one.run();
    CHECK(std::ranges::none_of(one.y.view().row(0), [](float v) { return std::isnan(v); }));
}

TEST_CASE("operands of a mix that disagree are refused by name", "[layers][experts][hostile]") {
    const auto expect = [](auto change, const char* says) {
        Case c({3, 2, 7, 4, 5});
        ConstRows x = c.x.view();
        Rows y = c.y.view();
        std::int64_t k = 2;
        change(c, x, y, k);
        const auto outcome = test::outcome_of([&] { mix_experts(c.experts, k, c.ids, c.weights, x, y); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK_THAT(outcome.line, Catch::Contains(says));
    };
    using I = std::int64_t&;
    using X = ConstRows&;
    using Y = Rows&;
    expect([](Case& c, X, Y, I) { c.ids[3] = 3; }, "ids[3]");
    expect([](Case& c, X, Y, I) { c.ids[0] = -1; }, "ids[0]");
    expect([](Case& c, X, Y, I) { c.ids[9] = INT32_MIN; }, "ids[9]");
    expect([](Case& c, X, Y, I) { c.ids.pop_back(); }, "ids");
    expect([](Case& c, X, Y, I) { c.weights.pop_back(); }, "weights");
    expect([](Case&, X, Y, I k) { k = 0; }, "experts_per_token");
    expect([](Case&, X, Y, I k) { k = -2; }, "experts_per_token");
    expect([](Case&, X, Y, I k) { k = INT64_MAX; }, "ids");
    expect([](Case&, X x, Y, I) { x.data = nullptr; }, "x ");
    expect([](Case&, X x, Y, I) { x.stride = 2; }, "x ");
    expect([](Case&, X x, Y, I) { --x.rows; }, "y: rows");
    expect([](Case&, X, Y y, I) { --y.cols; }, "y: columns");
    expect([](Case& c, X, Y, I) { c.experts[2].gate.cols = 6; }, "experts[2].gate: columns");
    expect([](Case& c, X, Y, I) { c.experts[1].up.rows = 3; }, "experts[1].up: rows");
    expect([](Case& c, X, Y, I) { c.experts[1].down.cols = 3; }, "experts[1].down: columns");
    expect([](Case& c, X, Y, I) { c.experts[0].down.rows = 6; }, "experts[0].down: rows");
    expect([](Case& c, X, Y, I) { c.experts[0].up.dtype = DType::i64; }, "experts[0].up");
    expect([](Case& c, X, Y, I) { c.experts[0].gate.data = nullptr; }, "experts[0].gate");
    expect([](Case& c, X, Y, I) { c.experts.clear(); }, "ids[0]");
}

TEST_CASE("an expert layer is its shared experts plus the mix of those the router chose", "[layers][experts]") {
    constexpr std::int64_t tokens = 21;
    const bool with_shared = GENERATE(false, true);
    Case c({6, 2, 30, 11, tokens});
    const Weights gate(DType::f32, 6, 30, c.values.take(180)), shared_gate(DType::f32, 22, 30, c.values.take(660)),
        shared_up(DType::f32, 22, 30, c.values.take(660)), shared_down(DType::f32, 30, 22, c.values.take(660));
    layers::ExpertFfn ffn;
    ffn.shape = {.experts = 6, .experts_per_token = 2, .hidden = 30, .width = 11};
    ffn.router = {{.experts = 6, .experts_per_token = 2, .scale = 3}, gate.view(), {}};
    ffn.experts = c.experts;
    const layers::DenseFfn shared{shared_gate.view(), shared_up.view(), shared_down.view()};
    if (with_shared) ffn.shared = shared;

    const auto cut = [&](cpu::Arena& arena) {
        return std::tuple{layers::FfnScratch::cut(arena, std::max(layers::DenseFfn::inner_values(tokens, 22), layers::ExpertsScratch::inner_values(ffn.shape, tokens))),
                          layers::Router::Scratch::cut(arena, ffn.router.options, tokens, 1), layers::ExpertsScratch::cut(arena, ffn.shape, tokens, 1)};
    };
    cpu::Arena counting;
    (void)cut(counting);
    test::CountingMemory memory;
    cpu::Arena arena(counting.bytes(), memory);
    const auto [inner, router_scratch, experts_scratch] = cut(arena);
    const auto kernels = ops::choose(cpu::detect());
    const auto workers = cpu::Workers::caller();
    const ops::Run run{.kernels = kernels, .workers = *workers};
    Matrix y(tokens, 30), expected(tokens, 30);
    const auto choice = ffn.forward(run, c.x.view(), y.view(), inner, {router_scratch, experts_scratch});

    for (std::int64_t t = 0; t < tokens; ++t) std::ranges::fill(expected.view().row(t), 0.0f);
    std::vector<float> room(static_cast<std::size_t>(layers::DenseFfn::inner_values(tokens, 22)));
    if (with_shared) shared.forward(run, c.x.view(), expected.view(), {room, {}});
    mix_experts(c.experts, 2, choice.ids, choice.weights, c.x.view(), expected.view());
    CHECK(y.bits() == expected.bits());
}
