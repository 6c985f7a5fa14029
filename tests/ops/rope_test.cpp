#include <catch2/catch.hpp>

#include <cmath>

#include "operands.hpp"
#include "rorqual/ops.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Matrix;

namespace {

const YarnScaling v2_lite{.factor = 40, .original_positions = 4096, .beta_fast = 32, .beta_slow = 1, .mscale = 0.707, .mscale_all_dim = 0.707};

}  // namespace

TEST_CASE("unscaled frequencies are base^(-2i/d)", "[ops][rope]") {
    const Rope rope(64, 10000);
    REQUIRE(rope.dim() == 64);
    for (std::size_t i = 0; i < 32; ++i) {
        CHECK(rope.frequencies()[i] == Approx(std::pow(10000.0, -static_cast<double>(i) / 32)).epsilon(tolerance::f32_units(2)));
    }
    CHECK(rope.amplitude() == 1);
}

TEST_CASE("YaRN keeps fast frequencies up to index 10, divides slow ones from 23, and mixes on a ramp between (V2-Lite)", "[ops][rope]") {
    const Rope plain(64, 10000), scaled(64, 10000, v2_lite);
    for (std::size_t i = 0; i < 32; ++i) {
        CAPTURE(i);
        const double kept = i <= 10 ? 1 : i >= 23 ? 0
                                                  : 1 - (static_cast<double>(i) - 10) / 13;
        const double f = plain.frequencies()[i];
        CHECK(scaled.frequencies()[i] == Approx(f * kept + f / 40 * (1 - kept)).epsilon(tolerance::f32_units(4)));
    }
}

TEST_CASE("YaRN's softmax factor has the published values", "[ops][rope]") {
    const auto factor = [](double s, double m) { return YarnScaling{.factor = s, .mscale = m, .mscale_all_dim = m}.softmax_factor(); };
    const auto to_five_decimals = [](double value) { return std::round(value * 1e5) / 1e5; };
    CHECK(to_five_decimals(factor(40, 0.707)) == 1.58963);
    CHECK(to_five_decimals(factor(40, 1.0)) == 1.87385);
    CHECK(to_five_decimals(factor(32, 1.0)) == 1.81326);
    CHECK(to_five_decimals(factor(64, 1.0)) == 2.00474);
    CHECK(std::round(factor(40, 0.707) / std::sqrt(192.0) * 1e6) == 114721);  // V2-Lite: (128 + 64)^-1/2 · g²
    CHECK(factor(1, 0.707) == 1);
    CHECK(YarnScaling{.factor = 40}.softmax_factor() == 1);
}

TEST_CASE("the amplitude is a ratio when both mscales are given and g(s, 1) otherwise", "[ops][rope]") {
    CHECK(v2_lite.amplitude() == 1);
    const double g = 0.1 * std::log(40.0) + 1;
    CHECK(YarnScaling{.factor = 40}.amplitude() == g);
    CHECK(YarnScaling{.factor = 40, .mscale = 0.5}.amplitude() == g);
    CHECK(YarnScaling{.factor = 40, .mscale_all_dim = 0.5}.amplitude() == g);
    CHECK(YarnScaling{.factor = 40, .mscale = 1, .mscale_all_dim = 0.5}.amplitude() == g / (0.05 * std::log(40.0) + 1));
    CHECK(YarnScaling{}.amplitude() == 1);
    CHECK(Rope(8, 10000, {.factor = 40}).amplitude() == static_cast<float>(g));
}

TEST_CASE("a ramp whose ends fall together divides by nothing", "[ops][rope]") {
    for (const double beta : {1.0, 32.0, 1e9}) {
        const Rope rope(8, 10000, {.factor = 4, .beta_fast = beta, .beta_slow = beta});
        for (const float f : rope.frequencies()) CHECK((std::isfinite(f) && f > 0 && f <= 1));
    }
}

TEST_CASE("angles are the f32 product of position and frequency, at the millionth position too", "[ops][rope]") {
    const Rope rope(64, 10000, YarnScaling{.factor = 40});
    Matrix cos(3, 32, 1), sin(3, 32, 2);
    const std::int64_t first = 1'000'003;
    rope.angles(first, cos.view(), sin.view());
    for (std::int64_t t = 0; t < 3; ++t) {
        for (std::int64_t i = 0; i < 32; ++i) {
            const float angle = static_cast<float>(first + t) * rope.frequencies()[static_cast<std::size_t>(i)];
            CHECK(cos.at(t, i) == Approx(std::cos(static_cast<double>(angle)) * rope.amplitude()).epsilon(tolerance::f32_units(2)));
            CHECK(sin.at(t, i) == Approx(std::sin(static_cast<double>(angle)) * rope.amplitude()).epsilon(tolerance::f32_units(2)));
        }
    }
    CHECK((cos.gaps_untouched() && sin.gaps_untouched()));
}

TEST_CASE("rope turns each pair by its angle, adjacent or in halves, and touches nothing else", "[ops][rope]") {
    for (const RopePairs pairs : {RopePairs::adjacent, RopePairs::halves}) {
        const std::int64_t half = 3, heads = 2, head_stride = 9, offset = 2, tokens = 4;
        const Rope rope(2 * half, 100);
        Matrix cos(tokens, half), sin(tokens, half);
        rope.angles(5, cos.view(), sin.view());
        test::Values values(29);
        Matrix x(tokens, heads * head_stride + 1, 2, values), y(tokens, heads * head_stride + 1, 2);
        for (std::int64_t t = 0; t < tokens; ++t) std::copy(x.view().row(t).begin(), x.view().row(t).end(), y.view().row(t).begin());
        ops::rope(cos.view(), sin.view(), pairs, heads, head_stride, offset, y.view());
        CHECK(y.gaps_untouched());
        for (std::int64_t t = 0; t < tokens; ++t) {
            std::vector<bool> turned(static_cast<std::size_t>(x.view().cols), false);
            for (std::int64_t h = 0; h < heads; ++h) {
                for (std::int64_t i = 0; i < half; ++i) {
                    const std::int64_t base = h * head_stride + offset;
                    const std::int64_t a = base + (pairs == RopePairs::adjacent ? 2 * i : i);
                    const std::int64_t b = base + (pairs == RopePairs::adjacent ? 2 * i + 1 : i + half);
                    turned[static_cast<std::size_t>(a)] = turned[static_cast<std::size_t>(b)] = true;
                    const double angle = static_cast<double>(5 + t) * rope.frequencies()[static_cast<std::size_t>(i)];
                    const double re = x.at(t, a), im = x.at(t, b), size = std::hypot(re, im);
                    // f32 angles below 8 are off by half a unit of 4.
                    CHECK(std::abs(y.at(t, a) - (re * std::cos(angle) - im * std::sin(angle))) <= tolerance::f32_units(8) * size);
                    CHECK(std::abs(y.at(t, b) - (re * std::sin(angle) + im * std::cos(angle))) <= tolerance::f32_units(8) * size);
                }
            }
            for (std::int64_t i = 0; i < x.view().cols; ++i) {
                if (!turned[static_cast<std::size_t>(i)]) CHECK(y.at(t, i) == x.at(t, i));
            }
        }
    }
}

TEST_CASE("rope refuses odd sizes, absurd bases and scalings, and heads that do not fit, naming them", "[ops][rope][hostile]") {
    const auto refused = [](auto call, const char* word) {
        const auto outcome = test::outcome_of(call);
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(word));
    };
    refused([] { Rope(7, 10000); }, "dim");
    refused([] { Rope(-2, 10000); }, "dim");
    refused([] { Rope(INT64_MAX - 1, 10000); }, "dim");
    for (const double base : {0.0, 1.0, -5.0, static_cast<double>(INFINITY), static_cast<double>(NAN)}) refused([&] { Rope(8, base); }, "base");
    refused([] { Rope(8, 10000, {.factor = 0}); }, "factor");
    refused([] { Rope(8, 10000, {.factor = 4, .original_positions = -1}); }, "original_positions");
    refused([] { Rope(8, 10000, {.factor = 4, .beta_fast = NAN}); }, "beta_fast");
    refused([] { Rope(8, 10000, {.factor = 4, .beta_slow = 0}); }, "beta_slow");
    Matrix cos(2, 3), sin(2, 3), x(2, 12);
    const Rope rope(6, 100);
    refused([&] { rope.angles(-1, cos.view(), sin.view()); }, "first");
    refused([&] { rope.angles(0, cos.view().slice_cols(0, 2), sin.view()); }, "cos");
    refused([&] { rope.angles(0, cos.view(), sin.view().slice_rows(0, 1)); }, "sin");
    rope.angles(0, cos.view(), sin.view());
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, 2, 7, 0, x.view()); }, "x");
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, 2, 6, 1, x.view()); }, "x");
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, 3, 5, 0, x.view()); }, "x");
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, -1, 6, 0, x.view()); }, "x");
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, 1, INT64_MAX, 0, x.view()); }, "x");
    refused([&] { ops::rope(cos.view(), sin.view(), RopePairs::adjacent, 2, 6, 0, x.view().slice_rows(0, 1)); }, "x");
}
