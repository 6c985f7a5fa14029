#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>
#include <random>
#include <vector>

#include "cpu/isa.hpp"
#include "panels/kernels.hpp"
#include "panels/packed_weights.hpp"

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

TEST_CASE("every instruction set transposes int8 panels to the mirrored codes with scale one", "[panels][int8]") {
    std::mt19937 rng(29);
    const std::int64_t cols = 256 + 96;
    for (const std::int64_t rows : {1, 16, 17, 33, 100, 128}) {
        const auto codes = random_blocks(DType::i8, rows * cols, rng);
        const Packed w(DType::i8, codes, rows, cols);
        for (const auto& kernel : all_panel_kernels()) {
            if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
            for (const std::int64_t super : {0, 1}) {
                CAPTURE(kernel.name, rows, super);
                const std::int64_t height = super == 0 ? 256 : 96, width = transposed_cols(rows);
                const Aligned bytes(height / panel_rows * panel_bytes(DType::i8, width));
                kernel.transpose(w.view, super, bytes.data());
                const auto mirrored = values_of({DType::i8, bytes.data(), height, width});
                bool right = true;
                for (std::int64_t k = 0; k < height; ++k) {
                    for (std::int64_t n = 0; n < rows; ++n) {
                        const auto code = static_cast<std::int8_t>(codes[static_cast<std::size_t>(n * cols + 256 * super + k)]);
                        right = right && mirrored[static_cast<std::size_t>(k * width + n)] == static_cast<float>(code);
                    }
                }
                CHECK(right);
            }
        }
    }
}
