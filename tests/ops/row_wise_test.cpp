#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "operands.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Matrix;
using test::Values;

namespace {

constexpr float inf = std::numeric_limits<float>::infinity();
constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
const std::vector<std::int64_t> widths = {0, 1, 3, 7, 8, 9, 16, 31, 64, 127, 2048, 2049};

void scale(Matrix& m, float by) {
    for (std::int64_t t = 0; t < m.view().rows; ++t) {
        for (float& v : m.view().row(t)) v *= by;
    }
}

void run_rms_norm(const ops::Kernel& kernel, const ConstRows& x, const std::vector<float>& weight, float eps, const Rows& y) {
    reinterpret_cast<ops::RmsNormFn>(kernel.fn)(x, weight.data(), eps, y);
}
void run_softmax(const ops::Kernel& kernel, const Rows& x) { reinterpret_cast<ops::SoftmaxFn>(kernel.fn)(x); }
ops::PartialSoftmax run_partial_softmax(const ops::Kernel& kernel, std::vector<float>& x, const std::vector<float>& y, float scale) {
    return reinterpret_cast<ops::PartialSoftmaxFn>(kernel.fn)(x.data(), y.data(), static_cast<std::int64_t>(x.size()), scale);
}
void run_swiglu(const ops::Kernel& kernel, const ConstRows& gate, const ConstRows& up, const Rows& y) {
    reinterpret_cast<ops::SwigluFn>(kernel.fn)(gate, up, y);
}

double relative(double value, double truth) { return truth == 0 ? std::abs(value) : std::abs(value - truth) / std::abs(truth); }

}  // namespace

TEST_CASE("every rms_norm kernel agrees with double precision, in place too", "[ops][rms_norm]") {
    for (const ops::Kernel& kernel : test::kernels_of("rms_norm")) {
        for (const std::int64_t d : widths) {
            for (const float size : {1e-3F, 1.0F, 1e4F}) {
                CAPTURE(kernel.name, d, size);
                Values values(3);
                Matrix x(5, d, 3, values), y(5, d, 1);
                scale(x, size);
                const auto weight = values.take(d);
                const float eps = 1e-6F;
                run_rms_norm(kernel, x.view(), weight, eps, y.view());
                double worst = 0;
                for (std::int64_t t = 0; t < 5; ++t) {
                    double squares = 0;
                    for (const float v : x.view().row(t)) squares += static_cast<double>(v) * v;
                    const double root = std::sqrt(squares / static_cast<double>(d) + eps);
                    for (std::int64_t i = 0; i < d; ++i) {
                        worst = std::max(worst, relative(y.at(t, i), x.at(t, i) / root * weight[static_cast<std::size_t>(i)]));
                    }
                }
                CHECK(worst <= tolerance::rms_norm(d));
                CHECK(y.gaps_untouched());
                run_rms_norm(kernel, x.view(), weight, eps, x.view());
                CHECK(x.bits() == y.bits());
                CHECK(x.gaps_untouched());
            }
        }
    }
}

TEST_CASE("rms_norm of a row of zeros is zeros, and of a row with a NaN is NaN", "[ops][rms_norm]") {
    for (const ops::Kernel& kernel : test::kernels_of("rms_norm")) {
        CAPTURE(kernel.name);
        Matrix x(2, 11), y(2, 11);
        for (std::int64_t t = 0; t < 2; ++t) {
            for (float& v : x.view().row(t)) v = 0;
        }
        x.at(1, 10) = not_a_number;
        run_rms_norm(kernel, x.view(), std::vector<float>(11, 2.0F), 1e-5F, y.view());
        for (const float v : y.view().row(0)) CHECK(v == 0);
        for (const float v : y.view().row(1)) CHECK(std::isnan(v));
    }
}

TEST_CASE("every softmax kernel agrees with double precision and sums to one", "[ops][softmax]") {
    for (const ops::Kernel& kernel : test::kernels_of("softmax")) {
        for (const std::int64_t d : widths) {
            for (const float size : {0.1F, 5.0F, 40.0F}) {
                CAPTURE(kernel.name, d, size);
                Values values(5);
                Matrix x(3, d, 2, values), before(3, d);
                scale(x, size);
                for (std::int64_t t = 0; t < 3; ++t) std::copy(x.view().row(t).begin(), x.view().row(t).end(), before.view().row(t).begin());
                run_softmax(kernel, x.view());
                double worst = 0;
                for (std::int64_t t = 0; t < 3; ++t) {
                    double max = -INFINITY, sum = 0;
                    for (const float v : before.view().row(t)) max = std::max(max, static_cast<double>(v));
                    for (const float v : before.view().row(t)) sum += std::exp(v - max);
                    for (std::int64_t i = 0; i < d; ++i) worst = std::max(worst, relative(x.at(t, i), std::exp(before.at(t, i) - max) / sum));
                }
                CHECK(worst <= tolerance::softmax(d, size));
                CHECK(x.gaps_untouched());
            }
        }
    }
}

TEST_CASE("softmax gives masked entries nothing, an all-masked row zeros, and a NaN or +infinity spoils its row alone", "[ops][softmax]") {
    for (const ops::Kernel& kernel : test::kernels_of("softmax")) {
        for (const std::int64_t d : {1, 5, 8, 13}) {
            CAPTURE(kernel.name, d);
            Matrix x(6, d);
            for (std::int64_t t = 0; t < 6; ++t) {
                for (float& v : x.view().row(t)) v = -inf;
            }
            x.at(1, d - 1) = 3;
            x.at(2, d / 2) = not_a_number;
            x.at(3, d - 1) = inf;
            for (float& v : x.view().row(4)) v = 1e30F;
            for (float& v : x.view().row(5)) v = -3e38F;
            run_softmax(kernel, x.view());
            for (std::int64_t i = 0; i < d; ++i) {
                CHECK(x.at(0, i) == 0);
                CHECK(x.at(1, i) == (i == d - 1 ? 1.0F : 0.0F));
                CHECK(std::isnan(x.at(2, i)));
                CHECK(std::isnan(x.at(3, i)));
                CHECK(x.at(4, i) == 1.0F / static_cast<float>(d));
                CHECK(x.at(5, i) == 1.0F / static_cast<float>(d));
            }
        }
    }
}

TEST_CASE("every partial_softmax kernel gives peak, numerators and their sum as double precision does", "[ops][partial_softmax]") {
    for (const ops::Kernel& kernel : test::kernels_of("partial_softmax")) {
        for (const std::int64_t d : widths) {
            for (const float size : {0.1F, 5.0F, 20.0F}) {
                CAPTURE(kernel.name, d, size);
                Values values(11);
                auto x = values.take(d);
                const auto y = values.take(d);
                std::vector<double> scores;
                for (std::size_t j = 0; j < x.size(); ++j) scores.push_back(static_cast<double>(size) * (x[j] + y[j]));
                const auto [peak, total] = run_partial_softmax(kernel, x, y, size);
                const double max = scores.empty() ? -INFINITY : *std::max_element(scores.begin(), scores.end());
                double sum = 0, worst = 0;
                for (std::size_t j = 0; j < x.size(); ++j) {
                    sum += std::exp(scores[j] - max);
                    worst = std::max(worst, relative(x[j], std::exp(scores[j] - max)));
                }
                if (d == 0) CHECK((peak == -inf && total == 0));
                if (d > 0) CHECK(std::abs(peak - max) <= tolerance::f32_units(3) * size * 2);
                CHECK(worst <= tolerance::softmax(d, 4 * size));
                CHECK(relative(total, sum) <= tolerance::softmax(d, 4 * size));
            }
        }
    }
}

TEST_CASE("partial_softmax of masked entries is zeros, of nothing else a sum of zero, and a NaN or +infinity shows in the sum", "[ops][partial_softmax]") {
    for (const ops::Kernel& kernel : test::kernels_of("partial_softmax")) {
        for (const std::size_t d : {1U, 5U, 8U, 13U}) {
            CAPTURE(kernel.name, d);
            const std::vector<float> zeros(d);
            std::vector<float> masked(d, -inf), one(d, -inf), spoilt(d, 1.0F), endless(d, 1.0F);
            one.back() = 3;
            spoilt[d / 2] = not_a_number;
            endless.front() = inf;
            const auto nothing = run_partial_softmax(kernel, masked, zeros, 2);
            CHECK((nothing.peak == -inf && nothing.total == 0 && masked == zeros));
            const auto single = run_partial_softmax(kernel, one, zeros, 2);
            CHECK((single.peak == 6 && single.total == 1 && one.back() == 1 && one.front() == (d == 1 ? 1.0F : 0.0F)));
            CHECK(std::isnan(run_partial_softmax(kernel, spoilt, zeros, 2).total));
            CHECK(std::isnan(run_partial_softmax(kernel, endless, zeros, 2).total));
        }
    }
}

TEST_CASE("every swiglu kernel agrees with double precision over the whole range of its exponential", "[ops][swiglu]") {
    for (const ops::Kernel& kernel : test::kernels_of("swiglu")) {
        CAPTURE(kernel.name);
        // All z of [-87, 100] in steps of 1/512: beyond -87 the exponential nears the largest f32.
        const std::int64_t d = 187 * 512 + 1;
        Matrix gate(1, d), up(1, d), y(1, d);
        for (std::int64_t i = 0; i < d; ++i) {
            gate.at(0, i) = -87 + static_cast<float>(i) / 512;
            up.at(0, i) = 1.25F;
        }
        run_swiglu(kernel, gate.view(), up.view(), y.view());
        double worst = 0;
        for (std::int64_t i = 0; i < d; ++i) {
            const double z = gate.at(0, i);
            worst = std::max(worst, relative(y.at(0, i), z / (1 + std::exp(-z)) * 1.25));
        }
        CHECK(worst <= tolerance::swiglu());
    }
}

TEST_CASE("swiglu works on odd widths, in place over either input, and follows its formula at the ends", "[ops][swiglu]") {
    for (const ops::Kernel& kernel : test::kernels_of("swiglu")) {
        for (const std::int64_t m : widths) {
            CAPTURE(kernel.name, m);
            Values values(7);
            Matrix gate(3, m, 1, values), up(3, m, 2, values), y(3, m, 3), over_up(3, m);
            for (std::int64_t t = 0; t < 3; ++t) std::copy(up.view().row(t).begin(), up.view().row(t).end(), over_up.view().row(t).begin());
            run_swiglu(kernel, gate.view(), up.view(), y.view());
            run_swiglu(kernel, gate.view(), over_up.view(), over_up.view());
            run_swiglu(kernel, gate.view(), up.view(), gate.view());
            CHECK(gate.bits() == y.bits());
            CHECK(over_up.bits() == y.bits());
            CHECK((gate.gaps_untouched() && y.gaps_untouched()));
        }
        Matrix gate(1, 5), up(1, 5), y(1, 5);
        const float ends[] = {inf, -inf, not_a_number, -1000, 1000};
        for (std::int64_t i = 0; i < 5; ++i) gate.at(0, i) = ends[i], up.at(0, i) = 1;
        run_swiglu(kernel, gate.view(), up.view(), y.view());
        CHECK(y.at(0, 0) == inf);
        CHECK(std::isnan(y.at(0, 1)));
        CHECK(std::isnan(y.at(0, 2)));
        CHECK(y.at(0, 3) == 0);
        CHECK(y.at(0, 4) == 1000);
    }
}
