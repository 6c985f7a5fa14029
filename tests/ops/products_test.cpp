#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <string>

#include "operands.hpp"
#include "ops/weight_formats.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using test::Matrix;
using test::Shape;
using test::Values;
using test::Weights;

namespace {

float stored_value(const WeightView& w, std::int64_t row, std::int64_t col) {
    const std::byte* p = w.data + (row * w.cols + col) * block_bytes(w.dtype);
    return w.dtype == DType::f32 ? ops::F32::load(p) : w.dtype == DType::f16 ? ops::F16::load(p)
                                                                             : ops::Bf16::load(p);
}

/// Largest |y − truth| over Σ|products|, the truth in f64.
double worst_error(const WeightView& w, bool transposed, Matrix& x, Matrix& y) {
    double worst = 0;
    const std::int64_t inputs = transposed ? w.rows : w.cols;
    for (std::int64_t t = 0; t < y.view().rows; ++t) {
        for (std::int64_t n = 0; n < y.view().cols; ++n) {
            double sum = 0, size = 0;
            for (std::int64_t k = 0; k < inputs; ++k) {
                const double product = static_cast<double>(x.at(t, k)) * (transposed ? stored_value(w, k, n) : stored_value(w, n, k));
                sum += product;
                size += std::abs(product);
            }
            const double error = std::abs(y.at(t, n) - sum);
            if (!(error <= 0)) worst = std::isnan(error) ? INFINITY : std::max(worst, error / size);  // size 0: error must be 0
        }
    }
    return worst;
}

const std::vector<Shape> shapes = {
    {1, 1, 1},
    {1, 3, 127},
    {1, 129, 257},
    {1, 0, 64},
    {1, 5, 0},
    {0, 5, 64},
    {2, 7, 9},
    {3, 8, 16},
    {4, 5, 33},
    {5, 9, 8},
    {6, 4, 15},
    {7, 1, 100},
    {8, 17, 0},
    {9, 0, 7},
    {12, 16, 512},
    {31, 33, 65},
    {49, 19, 1027},
    {97, 20, 513},
};

}  // namespace

TEST_CASE("every product kernel agrees with a sum in double precision on odd shapes, alignments and strides", "[ops][products]") {
    for (const std::string op : {"matvec", "matmul", "matmul_transposed"}) {
        for (const ops::Kernel& kernel : test::kernels_of(op)) {
            for (const Shape& s : shapes) {
                if (op == "matvec" && s.t != 1) continue;
                const bool transposed = op == "matmul_transposed";
                CAPTURE(kernel.name, s);
                Values values(7);
                const Weights w(kernel.format, transposed ? s.k : s.n, transposed ? s.n : s.k, values.take(s.n * s.k), 1);
                Matrix x(s.t, s.k, 3, values), y(s.t, s.n, 5);
                test::run_product(kernel, w.view(), x.view(), y.view());
                CHECK(worst_error(w.view(), transposed, x, y) <= tolerance::f32_dot(s.k));
                CHECK(y.gaps_untouched());
            }
        }
    }
}

TEST_CASE("matmul gives each token the bits that matvec gives it, for any number of tokens and rows", "[ops][products]") {
    for (const ops::Kernel& matmul : test::kernels_of("matmul")) {
        const ops::Kernel matvec = test::kernel_of("matvec", matmul.format, matmul.isa);
        REQUIRE(matvec.fn);
        for (const std::int64_t k : {1, 37, 530, 1100}) {  // below, within and beyond one block of k, with and without a rest
            const std::int64_t most_n = 35, most_t = 100;
            Values values(11);
            const Weights w(matmul.format, most_n, k, values.take(most_n * k), 2);
            Matrix x(most_t, k, 1, values), truth(most_t, most_n);
            for (std::int64_t t = 0; t < most_t; ++t) test::run_product(matvec, w.view(), x.view().slice_rows(t, 1), truth.view().slice_rows(t, 1));
            const auto agrees = [&](std::int64_t tokens, std::int64_t n) {
                Matrix y(tokens, n, 2);
                test::run_product(matmul, w.view().slice_rows(0, n), x.view().slice_rows(0, tokens), y.view());
                Matrix expected(tokens, n);
                for (std::int64_t t = 0; t < tokens; ++t) {
                    for (std::int64_t i = 0; i < n; ++i) expected.at(t, i) = truth.at(t, i);
                }
                return y.bits() == expected.bits() && y.gaps_untouched();
            };
            for (std::int64_t tokens = 1; tokens <= 17; ++tokens) {
                CAPTURE(matmul.name, k, tokens);
                for (const std::int64_t n : {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 35}) CHECK(agrees(tokens, n));
            }
            for (const std::int64_t tokens : {47, 48, 49, 52, 97, 100}) {  // around the blocks of tokens
                CAPTURE(matmul.name, k, tokens);
                CHECK(agrees(tokens, most_n));
            }
        }
    }
}

TEST_CASE("a token's bits do not depend on where in x it stands, nor a row's on where in W", "[ops][products]") {
    for (const ops::Kernel& matmul : test::kernels_of("matmul")) {
        CAPTURE(matmul.name);
        const std::int64_t k = 77, n = 21, tokens = 19;
        Values values(13);
        const auto row = values.take(k), token = values.take(k);
        std::vector<float> all_rows;
        for (std::int64_t i = 0; i < n; ++i) all_rows.insert(all_rows.end(), row.begin(), row.end());
        const Weights w(matmul.format, n, k, all_rows);
        Matrix x(tokens, k), y(tokens, n);
        for (std::int64_t t = 0; t < tokens; ++t) std::copy(token.begin(), token.end(), x.view().row(t).begin());
        test::run_product(matmul, w.view(), x.view(), y.view());
        const auto bits = y.bits();
        CHECK(std::vector<std::uint32_t>(bits.size(), bits[0]) == bits);
    }
}

TEST_CASE("matmul_transposed gives each token the same bits alone and among others, in any columns", "[ops][products]") {
    for (const ops::Kernel& kernel : test::kernels_of("matmul_transposed")) {
        for (const std::int64_t k : {1, 5, 128, 129, 300}) {
            const std::int64_t n = 203, most_t = 21;
            Values values(17);
            const auto stored = values.take(k * n);
            const Weights w(kernel.format, k, n, stored);
            Matrix x(most_t, k, 1, values), truth(most_t, n);
            for (std::int64_t t = 0; t < most_t; ++t) test::run_product(kernel, w.view(), x.view().slice_rows(t, 1), truth.view().slice_rows(t, 1));
            for (std::int64_t tokens = 1; tokens <= 17; ++tokens) {
                CAPTURE(kernel.name, k, tokens);
                Matrix y(tokens, n, 3);
                test::run_product(kernel, w.view(), x.view().slice_rows(0, tokens), y.view());
                auto expected = truth.bits();
                expected.resize(static_cast<std::size_t>(tokens * n));
                CHECK(y.bits() == expected);
            }
            for (const std::int64_t columns : {1, 7, 8, 9, 16, 17, 24, 31, 64, 71, 130}) {  // the first columns as a matrix of their own
                std::vector<float> narrow;
                for (std::int64_t i = 0; i < k; ++i) narrow.insert(narrow.end(), stored.begin() + i * n, stored.begin() + i * n + columns);
                const Weights part(kernel.format, k, columns, narrow);
                Matrix y(most_t, columns), expected(most_t, columns);
                test::run_product(kernel, part.view(), x.view(), y.view());
                for (std::int64_t t = 0; t < most_t; ++t) {
                    for (std::int64_t i = 0; i < columns; ++i) expected.at(t, i) = truth.at(t, i);
                }
                CAPTURE(kernel.name, k, columns);
                CHECK(y.bits() == expected.bits());
            }
        }
    }
}

TEST_CASE("a NaN or an infinity reaches the outputs of its own row and token and no other", "[ops][products]") {
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
    for (const std::string op : {"matmul", "matmul_transposed"}) {
        for (const ops::Kernel& kernel : test::kernels_of(op)) {
            CAPTURE(kernel.name);
            const bool transposed = op == "matmul_transposed";
            const std::int64_t tokens = 9, n = 11, k = 21;
            Values values(19);
            auto stored = values.take(n * k);
            for (float& v : stored) v = std::abs(v) + 0.5F;
            stored[static_cast<std::size_t>(transposed ? 20 * n + 5 : 5 * k + 20)] = inf;  // output 5, the last input
            const Weights w(kernel.format, transposed ? k : n, transposed ? n : k, stored);
            Matrix x(tokens, k), y(tokens, n);
            for (std::int64_t t = 0; t < tokens; ++t) {
                for (float& v : x.view().row(t)) v = 1;
            }
            x.at(3, 2) = nan;
            x.at(4, 20) = -inf;
            test::run_product(kernel, w.view(), x.view(), y.view());
            for (std::int64_t t = 0; t < tokens; ++t) {
                for (std::int64_t i = 0; i < n; ++i) {
                    CAPTURE(t, i);
                    if (t == 3)
                        CHECK(std::isnan(y.at(t, i)));
                    else if (t == 4)
                        CHECK(y.at(t, i) == -inf);
                    else if (i == 5)
                        CHECK(y.at(t, i) == inf);
                    else
                        CHECK(std::isfinite(y.at(t, i)));
                }
            }
        }
    }
}

TEST_CASE("x of zeros against weights of the largest size gives zeros", "[ops][products]") {
    for (const ops::Kernel& kernel : test::kernels_of("matmul")) {
        CAPTURE(kernel.name);
        const Weights w(kernel.format, 6, 40, std::vector<float>(240, 60000.0F));
        Matrix x(8, 40), y(8, 6);
        for (std::int64_t t = 0; t < 8; ++t) {
            for (float& v : x.view().row(t)) v = 0;
        }
        test::run_product(kernel, w.view(), x.view(), y.view());
        CHECK(y.bits() == std::vector<std::uint32_t>(48, 0));
    }
}
