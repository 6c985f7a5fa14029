#include "quant/block_scaled.hpp"

#include <catch2/catch.hpp>

#include <cmath>

#include "quant/float8.hpp"

using namespace rorqual;

namespace {

// Every code but the two NaN ones, in some order, and scales that are no powers of two.
struct Matrix {
    std::vector<std::byte> codes;
    BlockScales scales;
    WeightView view;

    Matrix(std::int64_t rows, std::int64_t cols, std::int64_t block_rows, std::int64_t block_cols) {
        for (std::int64_t i = 0; i < rows * cols; ++i) {
            const auto code = static_cast<std::uint8_t>(i * 37 % 256);
            codes.push_back(static_cast<std::byte>((code & 0x7F) == 0x7F ? 0 : code));
        }
        scales.block_rows = block_rows;
        scales.block_cols = block_cols;
        scales.across = (cols + block_cols - 1) / block_cols;
        for (std::int64_t i = 0; i < (rows + block_rows - 1) / block_rows * scales.across; ++i) scales.values.push_back(0.1F * static_cast<float>(i + 1));
        scales.codes = codes.data();
        view = {DType::f8_e4m3, codes.data(), rows, cols, 0, &scales};
    }
    [[nodiscard]] float value(std::int64_t row, std::int64_t col) const {
        const auto code = static_cast<std::uint8_t>(codes[static_cast<std::size_t>(row * view.cols + col)]);
        return quant::f8_e4m3_values[code] * scales.values[static_cast<std::size_t>(row / scales.block_rows * scales.across + col / scales.block_cols)];
    }
};

}  // namespace

TEST_CASE("each weight is its code times the scale of its block, also where the last blocks are smaller", "[quant][fp8]") {
    struct Size {
        std::int64_t rows, cols, block_rows, block_cols;
    };
    for (const auto& [rows, cols, block_rows, block_cols] : {Size{576, 256, 128, 128}, {130, 129, 128, 128}, {5, 7, 128, 128}, {9, 10, 2, 3}, {3, 300, 1, 128}, {1, 1, 1, 1}}) {
        CAPTURE(rows, cols, block_rows, block_cols);
        const Matrix m(rows, cols, block_rows, block_cols);
        std::vector<float> all(static_cast<std::size_t>(rows * cols));
        quant::decode_scaled(m.view, all.data());
        bool equal = true;
        for (std::int64_t i = 0; i < rows * cols; ++i) equal &= all[static_cast<std::size_t>(i)] == m.value(i / cols, i % cols);
        CHECK(equal);
    }
}

TEST_CASE("rows of a view have the scales they have in the whole matrix", "[quant][fp8]") {
    const Matrix m(300, 70, 128, 32);
    for (const std::int64_t first : {0, 1, 127, 128, 255, 299}) {
        const auto rows = m.view.slice_rows(first, 1);
        std::vector<float> values(70);
        quant::decode_scaled(rows, values.data());
        for (std::int64_t k = 0; k < 70; ++k) CHECK(values[static_cast<std::size_t>(k)] == m.value(first, k));
    }
}

TEST_CASE("scales as small as e8m0 has them lose nothing but what f32 cannot hold", "[quant][fp8]") {
    Matrix m(1, 256, 1, 256);
    m.scales.values = {quant::f8_e8m0_values[0]};  // 2^-127
    std::vector<float> values(256);
    quant::decode_scaled(m.view, values.data());
    for (std::size_t i = 0; i < 256; ++i) CHECK(values[i] == quant::f8_e4m3_values[static_cast<std::uint8_t>(m.codes[i])] * 0x1p-127F);
    CHECK(std::ranges::any_of(values, [](float v) { return v != 0; }));
}
