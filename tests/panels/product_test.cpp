#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "cpu/isa.hpp"
#include "panels/formats.hpp"
#include "panels/kernels.hpp"
#include "panels/packed_weights.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using namespace rorqual::panels;
using namespace rorqual::test;

namespace {

struct Activations {
    Activations(std::int64_t tokens, std::int64_t cols)
        : q(static_cast<std::size_t>(tokens * cols)), scale(static_cast<std::size_t>(tokens * ((cols + 255) / 256))), sums(q.size() / 16), block_sums(q.size() / 32), view{q.data(), scale.data(), sums.data(), block_sums.data(), tokens, cols} {}
    std::vector<std::int8_t> q;
    std::vector<float> scale;
    std::vector<std::int16_t> sums, block_sums;
    QuantisedRows view;
};

std::vector<float> gaussian(std::int64_t count, std::mt19937& rng) {
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<std::size_t>(count));
    for (auto& v : values) v = normal(rng);
    return values;
}

std::vector<float> run(ProductFn product, const Panels& w, const QuantisedRows& x, std::int64_t tokens, const std::int32_t* ids = nullptr) {
    const Aligned scratch(scratch_bytes());
    std::vector<float> y(static_cast<std::size_t>(tokens * w.rows), std::numeric_limits<float>::quiet_NaN());
    product(w, x, ids, Rows(y.data(), tokens, w.rows), scratch.data());
    return y;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

std::int64_t ragged_cols(DType format) { return block_length(format) == 256 ? 2560 : 2464; }  // more than one tile deep; 2464 = 9⅝ · 256

}  // namespace

TEST_CASE("a packed product with one activation is the weight it meets", "[panels]") {
    std::mt19937 rng(7);
    for (const auto& format : panel_formats) {
        CAPTURE(name(format.format));
        const std::int64_t rows = 19, cols = block_length(format.format) == 256 ? 512 : 288;
        const auto blocks = random_blocks(format.format, rows * cols, rng);
        const auto expected = decoded(format.format, blocks, rows, cols);
        const Packed packed(format.format, blocks, rows, cols);

        // Code × scale and minimum round once each, and so does their sum; each is at most about the largest weight.
        float largest = 0;
        for (const float w : expected) largest = std::max(largest, std::fabs(w));
        const double allowed = tolerance::f32_units(4) * largest;
        Activations x(1, cols);
        std::fill(x.scale.begin(), x.scale.end(), 1.0F);
        for (std::int64_t k = 0; k < cols; ++k) {
            std::fill(x.q.begin(), x.q.end(), std::int8_t{0});
            std::fill(x.sums.begin(), x.sums.end(), std::int16_t{0});
            x.q[static_cast<std::size_t>(k)] = 1;
            x.sums[static_cast<std::size_t>(k / 16)] = 1;
            std::fill(x.block_sums.begin(), x.block_sums.end(), std::int16_t{0});
            x.block_sums[static_cast<std::size_t>(k / 32)] = 1;
            const auto column = run(product_portable, packed.view, x.view, 1);
            for (std::int64_t n = 0; n < rows; ++n) {
                REQUIRE(std::fabs(column[static_cast<std::size_t>(n)] - expected[static_cast<std::size_t>(n * cols + k)]) <= allowed);
            }
        }
    }
}

TEST_CASE("every packed kernel gives the reference's bits for any number of tokens", "[panels]") {
    std::mt19937 rng(11);
    for (const auto& format : panel_formats) {
        CAPTURE(name(format.format));
        const std::int64_t rows = 72 + 5, cols = ragged_cols(format.format), tokens = 139;  // more than meet a tile at once
        const auto blocks = random_blocks(format.format, rows * cols, rng);
        const Packed packed(format.format, blocks, rows, cols);
        Activations x(tokens, cols);
        const auto values = gaussian(tokens * cols, rng);
        quantise_portable(ConstRows(values.data(), tokens, cols), 0, tokens, x.view);
        const auto truth = run(product_portable, packed.view, x.view, tokens);
        for (const auto& kernel : all_panel_kernels()) {
            if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
            for (const std::int64_t some : {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 139}) {
                CAPTURE(kernel.name, some);
                const std::vector<float> expected(truth.begin(), truth.begin() + some * rows);
                CHECK(same_bits(run(kernel.product, packed.view, x.view, some), expected));
            }
        }
    }
    const auto tried = std::ranges::count_if(all_panel_kernels(), [](const auto& kernel) { return cpu::runs_on(kernel.isa, cpu::detect()); });
    WARN(tried << " instruction sets' packed products compared");
}

TEST_CASE("packed kernels give the reference's bits for any number of panels, and for more columns and tokens than meet at once", "[panels]") {
    std::mt19937 rng(12);
    for (const auto format : {DType::q4_k, DType::q6_k, DType::q5_0, DType::i8}) {
        CAPTURE(name(format));
        const std::int64_t panels = 14, rows = panels * panel_rows - 5, tokens = 779;
        const std::int64_t cols = format == DType::q5_0 ? 2048 + 1024 + 32 : 1024 + 256;
        const auto blocks = random_blocks(format, rows * cols, rng);
        const Packed packed(format, blocks, rows, cols);
        Activations x(tokens, cols);
        const auto values = gaussian(tokens * cols, rng);
        quantise_portable(ConstRows(values.data(), tokens, cols), 0, tokens, x.view);
        for (std::int64_t number = 1; number <= panels; ++number) {
            const auto last = packed.view.slice(panels - number, number);
            const std::int64_t some = number == 1 ? tokens : 9 + number % 4;
            const auto truth = run(product_portable, last, x.view, some);
            for (const auto& kernel : all_panel_kernels()) {
                if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
                CAPTURE(kernel.name, number, some);
                CHECK(same_bits(run(kernel.product, last, x.view, some), truth));
            }
        }
    }
}

TEST_CASE("a packed product gathers rows and computes slices without changing a bit", "[panels]") {
    std::mt19937 rng(13);
    const std::int64_t rows = 96, cols = 512, tokens = 10;
    const auto blocks = random_blocks(DType::q4_k, rows * cols, rng);
    const Packed packed(DType::q4_k, blocks, rows, cols);
    Activations x(tokens, cols);
    const auto values = gaussian(tokens * cols, rng);
    quantise_portable(ConstRows(values.data(), tokens, cols), 0, tokens, x.view);
    const auto truth = run(product_portable, packed.view, x.view, tokens);
    const std::vector<std::int32_t> ids = {9, 0, 3, 3, 7, 1, 2, 8, 4};
    for (const auto& kernel : all_panel_kernels()) {
        if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
        CAPTURE(kernel.name);
        const auto count = static_cast<std::int64_t>(ids.size());
        const auto gathered = run(kernel.product, packed.view.slice(2, 3), x.view, count, ids.data());
        for (std::int64_t t = 0; t < count; ++t) {
            for (std::int64_t n = 0; n < 48; ++n) {
                REQUIRE(gathered[static_cast<std::size_t>(t * 48 + n)] == truth[static_cast<std::size_t>(ids[static_cast<std::size_t>(t)] * rows + 32 + n)]);
            }
        }
    }
}

TEST_CASE("extreme codes and activations do not overflow a packed kernel", "[panels]") {
    for (const auto& format : panel_formats) {
        CAPTURE(name(format.format));
        const std::int64_t rows = 16, cols = 256, tokens = 9;
        std::vector<std::byte> blocks(static_cast<std::size_t>(rows * cols / block_length(format.format) * block_bytes(format.format)), std::byte{0xff});
        for (std::size_t block = 0; block < blocks.size(); block += static_cast<std::size_t>(block_bytes(format.format))) {
            for (const std::size_t at : half_offsets(format.format)) {  // f16 0.0625: everything else stays all ones
                blocks[block + at] = std::byte{0};
                blocks[block + at + 1] = std::byte{0x2c};
            }
            if (format.format == DType::mxfp4) blocks[block] = std::byte{120};
        }
        const Packed packed(format.format, blocks, rows, cols);
        Activations x(tokens, cols);
        for (std::int64_t t = 0; t < tokens; ++t) {
            for (std::int64_t k = 0; k < cols; ++k) x.q[static_cast<std::size_t>(t * cols + k)] = t % 3 == 0 ? 127 : t % 3 == 1 ? -127
                                                                                                                                : static_cast<std::int8_t>(k % 2 ? 127 : -127);
            for (std::int64_t g = 0; g < 16; ++g) {
                const auto* q = x.q.data() + t * cols + 16 * g;
                const auto sum = static_cast<std::int16_t>(std::accumulate(q, q + 16, 0));
                x.sums[static_cast<std::size_t>(t * 16 + g)] = sum;
                x.block_sums[static_cast<std::size_t>(t * 8 + g / 2)] = static_cast<std::int16_t>(x.block_sums[static_cast<std::size_t>(t * 8 + g / 2)] + sum);
            }
            x.scale[static_cast<std::size_t>(t)] = 1;
        }
        const auto truth = run(product_portable, packed.view, x.view, tokens);
        for (const auto& kernel : all_panel_kernels()) {
            if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
            CAPTURE(kernel.name);
            const auto got = run(kernel.product, packed.view, x.view, tokens);
            // beyond 2^24 the sums of sixteen groups may round differently: see ProductFn
            for (std::size_t i = 0; i < truth.size(); ++i) REQUIRE(std::fabs(got[i] - truth[i]) <= tolerance::f32_dot(16) * std::fabs(truth[i]));
        }
    }
}

TEST_CASE("every quantiser gives the reference's codes, scales and sums", "[panels]") {
    std::mt19937 rng(17);
    const std::int64_t tokens = 5, cols = 2464;
    auto values = gaussian(tokens * cols, rng);
    std::fill_n(values.begin() + cols, 256, 0.0F);           // a silent group
    values[static_cast<std::size_t>(2 * cols + 5)] = 3e38F;  // a huge one
    values[static_cast<std::size_t>(3 * cols + 300)] = std::numeric_limits<float>::infinity();
    values[static_cast<std::size_t>(4 * cols + 700)] = std::numeric_limits<float>::quiet_NaN();
    Activations truth(tokens, cols);
    quantise_portable(ConstRows(values.data(), tokens, cols), 0, tokens, truth.view);
    CHECK(std::isnan(truth.scale[static_cast<std::size_t>(3 * 10 + 1)]));
    CHECK(truth.scale[10] == 0.0F);
    for (const auto& kernel : all_panel_kernels()) {
        if (!cpu::runs_on(kernel.isa, cpu::detect())) continue;
        CAPTURE(kernel.name);
        Activations got(tokens, cols);
        kernel.quantise(ConstRows(values.data(), tokens, cols), 0, tokens, got.view);
        CHECK(got.q == truth.q);
        CHECK(got.sums == truth.sums);
        CHECK(got.block_sums == truth.block_sums);
        for (std::size_t i = 0; i < truth.scale.size(); ++i) {
            const bool both_nan = std::isnan(truth.scale[i]) && std::isnan(got.scale[i]);
            CHECK((both_nan || got.scale[i] == truth.scale[i]));
        }
    }
}
