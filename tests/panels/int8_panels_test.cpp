#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/isa.hpp"
#include "panels/kernels.hpp"
#include "panels/packed_weights.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using namespace rorqual::panels;
using namespace rorqual::test;

namespace {

std::vector<float> values_of(const Panels& w) {
    std::vector<float> values(static_cast<std::size_t>(w.rows * w.cols));
    decode_rows(w, 0, w.rows, values.data());
    return values;
}

}  // namespace

TEST_CASE("int8 rows may be put into panels one by one, in any order", "[panels][int8]") {
    std::mt19937 rng(23);
    const std::int64_t rows = 37, cols = 288;
    const auto codes = random_blocks(DType::i8, rows * cols, rng);
    const Packed whole(DType::i8, codes, rows, cols);
    const Aligned bytes(whole.view.bytes());
    std::vector<std::int8_t> q(static_cast<std::size_t>(cols));
    for (std::int64_t n = rows - 1; n >= 0; --n) {
        std::memcpy(q.data(), codes.data() + n * cols, q.size());
        std::vector<float> scale{i8_scale(n, 0), i8_scale(n, 1)};
        QuantisedRows row;
        row.q = q.data();
        row.scale = scale.data();
        row.rows = 1;
        row.cols = cols;
        put_rows(row, n, bytes.data());
    }
    const Panels one_by_one{DType::i8, bytes.data(), rows, cols};
    CHECK(values_of(one_by_one) == values_of(whole.view));
    std::vector<float> scales(static_cast<std::size_t>(rows));
    for (std::int64_t super : {0, 1}) {
        scales_of(one_by_one, super, scales.data());
        for (std::int64_t n = 0; n < rows; ++n) CHECK(scales[static_cast<std::size_t>(n)] == i8_scale(n, super));
    }
}

TEST_CASE("int8 rows come back from panels as they were put there, from any row on", "[panels][int8]") {
    std::mt19937 rng(31);
    const std::int64_t rows = 37, cols = 288, supers = 2;
    const auto codes = random_blocks(DType::i8, rows * cols, rng);
    const Packed whole(DType::i8, codes, rows, cols);
    for (const std::int64_t first : {0, 5, 16, 36}) {
        for (const std::int64_t count : {std::int64_t{1}, rows - first}) {
            std::vector<std::int8_t> q(static_cast<std::size_t>(count * cols));
            std::vector<float> scale(static_cast<std::size_t>(count * supers));
            std::vector<std::int16_t> sums(q.size() / 16), block_sums(q.size() / 32);
            take_rows(whole.view, first, {q.data(), scale.data(), sums.data(), block_sums.data(), count, cols});
            CAPTURE(first, count);
            CHECK(std::memcmp(q.data(), codes.data() + first * cols, q.size()) == 0);
            for (std::int64_t n = 0; n < count; ++n) {
                for (std::int64_t s = 0; s < supers; ++s) CHECK(scale[static_cast<std::size_t>(n * supers + s)] == i8_scale(first + n, s));
            }
            bool right = true;
            for (std::size_t g = 0; g < sums.size(); ++g) right = right && sums[g] == std::accumulate(q.begin() + static_cast<std::ptrdiff_t>(16 * g), q.begin() + static_cast<std::ptrdiff_t>(16 * g + 16), 0);
            for (std::size_t b = 0; b < block_sums.size(); ++b) right = right && block_sums[b] == sums[2 * b] + sums[2 * b + 1];
            CHECK(right);
        }
    }
}

TEST_CASE("every instruction set's product with the transpose has the reference's bits, and those of the sum within its rounding", "[panels][int8]") {
    std::mt19937 rng(29);
    std::uniform_real_distribution<float> uniform(0, 1);
    const PanelKernels& reference = all_panel_kernels().back();
    const Aligned scratch(scratch_bytes());
    for (const std::int64_t cols : {32, 96, 256, 256 + 96}) {
        for (const std::int64_t rows : {1, 15, 16, 17, 33, 100, 128, 256}) {
            const auto codes = random_blocks(DType::i8, rows * cols, rng);
            const Packed w(DType::i8, codes, rows, cols);
            const auto values = values_of(w.view);
            for (const std::int64_t tokens : {1, 2, 3, 4, 7, 64, 67}) {
                std::vector<float> x(static_cast<std::size_t>(tokens * (rows + 3)), NAN);  // gaps that spoil what reads them
                for (std::int64_t t = 0; t < tokens; ++t) {
                    for (std::int64_t n = 0; n < rows; ++n) x[static_cast<std::size_t>(t * (rows + 3) + n)] = n == t ? 1.0f : std::pow(uniform(rng), 9.0f) + 1e-9f;
                }
                const ConstRows weights(x.data(), tokens, rows, rows + 3);
                const auto product = [&](const PanelKernels& kernel) {
                    std::vector<float> y(static_cast<std::size_t>(tokens * (cols + 1)), -7);
                    kernel.transposed_product(w.view, weights, {y.data(), tokens, cols, cols + 1}, {scratch.data(), 999}, scratch.data());
                    return y;
                };
                const auto expected = product(reference);
                for (const auto& kernel : all_panel_kernels()) {
                    if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
                    CAPTURE(kernel.name, rows, cols, tokens);
                    CHECK(product(kernel) == expected);
                }
                double beyond = 0;
                for (std::int64_t t = 0; t < tokens; ++t) {
                    for (std::int64_t k = 0; k < cols; ++k) {
                        double sum = 0, largest = 0;
                        for (std::int64_t n = 0; n < rows; ++n) {
                            const double weight = weights.row(t)[static_cast<std::size_t>(n)], scale = i8_scale(n, k / super_k);
                            sum += weight * values[static_cast<std::size_t>(n * cols + k)];
                            largest = std::max(largest, weight * std::abs(scale));
                        }
                        const double error = std::abs(sum - expected[static_cast<std::size_t>(t * (cols + 1) + k)]);
                        beyond = std::max(beyond, error / tolerance::int16_weights(rows, 128 * largest));
                    }
                    CHECK(expected[static_cast<std::size_t>(t * (cols + 1) + cols)] == -7);
                }
                CHECK(beyond <= 1);
            }
        }
    }
}

TEST_CASE("a weight that is not finite spoils its own token alone, and weights near nothing count as nothing", "[panels][int8]") {
    std::mt19937 rng(37);
    const std::int64_t rows = 40, cols = 64;
    const Packed w(DType::i8, random_blocks(DType::i8, rows * cols, rng), rows, cols);
    const Aligned scratch(scratch_bytes());
    std::vector<float> x(4 * rows, 0.5f), y(4 * cols);
    x[rows] = std::numeric_limits<float>::infinity();
    x[2 * rows + 39] = NAN;
    std::fill(x.begin() + 3 * rows, x.end(), 1e-40f);
    for (const auto& kernel : all_panel_kernels()) {
        if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
        CAPTURE(kernel.name);
        kernel.transposed_product(w.view, {x.data(), 4, rows}, {y.data(), 4, cols}, {}, scratch.data());
        for (std::int64_t k = 0; k < cols; ++k) {
            CHECK(std::isfinite(y[static_cast<std::size_t>(k)]));
            CHECK(std::isnan(y[static_cast<std::size_t>(cols + k)]));
            CHECK(std::isnan(y[static_cast<std::size_t>(2 * cols + k)]));
            CHECK(y[static_cast<std::size_t>(3 * cols + k)] == 0);
        }
    }
}
