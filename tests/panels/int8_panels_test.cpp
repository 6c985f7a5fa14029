#include <catch2/catch.hpp>

#include <algorithm>
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
