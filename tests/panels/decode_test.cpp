#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <random>
#include <span>
#include <vector>

#include "panels/formats.hpp"
#include "panels/packed_weights.hpp"
#include "quant/decode.hpp"

using namespace rorqual;
using namespace rorqual::panels;
using namespace rorqual::test;

namespace {

/// Columns with a short last super-block, where the format has such.
std::int64_t ragged_cols(DType format) { return block_length(format) == 256 ? 768 : 864; }

/// Bit for bit, but for what a NaN carries.
bool same(std::span<const float> a, std::span<const float> b) {
    for (std::size_t i = 0; i < a.size(); ++i) {
        if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0 && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
    }
    return a.size() == b.size();
}

}  // namespace

TEST_CASE("packing keeps every bit of every weight of every format", "[panels]") {
    std::mt19937 rng(3);
    for (const PanelFormat& format : panel_formats) {
        for (const std::int64_t rows : {1, 15, 16, 37}) {
            CAPTURE(name(format.format), rows);
            const std::int64_t cols = ragged_cols(format.format);
            const auto blocks = random_blocks(format.format, rows * cols, rng);
            const Packed packed(format.format, blocks, rows, cols);
            std::vector<float> values(static_cast<std::size_t>(rows * cols));
            decode_rows(packed.view, 0, rows, values.data());
            CHECK(same(values, decoded(format.format, blocks, rows, cols)));
        }
    }
}

TEST_CASE("packing keeps weights whose scales are infinite, subnormal or no numbers", "[panels][hostile]") {
    std::mt19937 rng(5);
    for (const PanelFormat& format : panel_formats) {
        CAPTURE(name(format.format));
        const std::int64_t rows = 48, cols = ragged_cols(format.format);
        std::vector<std::byte> blocks(static_cast<std::size_t>(rows * cols / block_length(format.format) * block_bytes(format.format)));
        for (auto& b : blocks) b = static_cast<std::byte>(rng());
        const Packed packed(format.format, blocks, rows, cols);
        std::vector<float> values(static_cast<std::size_t>(rows * cols));
        decode_rows(packed.view, 0, rows, values.data());
        CHECK(same(values, decoded(format.format, blocks, rows, cols)));
    }
}

TEST_CASE("any rows of panels are decoded alone as among the others", "[panels]") {
    std::mt19937 rng(9);
    const std::int64_t rows = 53, cols = 512;
    const auto blocks = random_blocks(DType::q5_k, rows * cols, rng);
    const Packed packed(DType::q5_k, blocks, rows, cols);
    const auto expected = decoded(DType::q5_k, blocks, rows, cols);
    for (const auto& [first, count] : {std::pair<std::int64_t, std::int64_t>{0, 1}, {52, 1}, {15, 2}, {7, 40}, {16, 16}, {53, 0}}) {
        CAPTURE(first, count);
        std::vector<float> values(static_cast<std::size_t>(count * cols));
        decode_rows(packed.view, first, count, values.data());
        CHECK(same(values, std::span(expected).subspan(static_cast<std::size_t>(first * cols), static_cast<std::size_t>(count * cols))));
    }
}

TEST_CASE("panels of any part of a matrix are packed alone as among the others, padding zero", "[panels]") {
    std::mt19937 rng(15);
    for (const PanelFormat& format : panel_formats) {
        if (!packable(format.format)) continue;
        CAPTURE(name(format.format));
        const std::int64_t rows = 40, cols = ragged_cols(format.format), panel = panel_bytes(format.format, cols);
        const auto blocks = random_blocks(format.format, rows * cols, rng);
        const Packed packed(format.format, blocks, rows, cols);
        const Aligned alone(panel);
        for (std::int64_t p = 0; p < 3; ++p) {
            std::fill_n(alone.data(), panel, std::byte{0xa5});  // what pack does not write would stay
            pack(format.format, blocks.data(), rows, cols, p, 1, alone.data());
            CHECK(std::memcmp(alone.data(), packed.view.data + p * panel, static_cast<std::size_t>(panel)) == 0);
        }
        // Rows 8–15 of the last panel do not exist: their lanes of every line of codes are zero.
        const std::byte* codes = alone.data() + format.header_bytes(8);
        for (std::int64_t i = 0; i < 8 * format.code_bytes(); ++i) {
            if (i % line_bytes >= 32 && codes[i] != std::byte{0}) FAIL("byte " << i << " of the codes is " << static_cast<int>(codes[i]));
        }
    }
}
