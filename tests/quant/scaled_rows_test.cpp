#include "quant/scaled_rows.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "quant/float4.hpp"
#include "quant/float8.hpp"

using namespace rorqual::quant;

namespace {

constexpr float infinite = std::numeric_limits<float>::infinity(), not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float largest = std::numeric_limits<float>::max(), smallest = std::numeric_limits<float>::denorm_min();

// A format by its definition: what a number of levels, in ascending order, makes of a value. Ties go to the even one of two neighbours.
struct Format {
    std::vector<double> levels;
    std::int64_t block;
    double least;  // magnitude that a scale is made for

    [[nodiscard]] double rounded(double magnitude) const {
        for (std::size_t i = 0; i + 1 < levels.size(); ++i) {
            const double middle = (levels[i] + levels[i + 1]) / 2;
            if (magnitude < middle || (magnitude == middle && i % 2 == 0)) return levels[i];
        }
        return levels.back();
    }
    [[nodiscard]] std::vector<float> kept(std::span<const float> row) const {
        std::vector<float> all;
        for (std::size_t first = 0; first < row.size(); first += static_cast<std::size_t>(block)) {
            const auto values = row.subspan(first, std::min(static_cast<std::size_t>(block), row.size() - first));
            double most = least;
            bool finite = true;
            for (const float value : values) {
                most = std::max(most, std::abs(double{value}));
                finite = finite && std::isfinite(value);
            }
            double scale = 0x1p-140;
            while (finite && scale * levels.back() < most) scale *= 2;
            for (const float value : values) all.push_back(finite ? static_cast<float>(std::copysign(rounded(std::abs(double{value}) / scale) * scale, double{value})) : not_a_number);
        }
        return all;
    }
};

Format e4m3() {
    std::vector<double> levels;
    for (int mantissa = 0; mantissa < 8; ++mantissa) levels.push_back(std::ldexp(mantissa, -9));
    for (int exponent = 1; exponent < 16; ++exponent) {
        for (int mantissa = 0; mantissa < (exponent == 15 ? 7 : 8); ++mantissa) levels.push_back(std::ldexp(8 + mantissa, exponent - 10));
    }
    return {levels, 64, 1e-4F};
}

Format e2m1() { return {{0, 0.5, 1, 1.5, 2, 3, 4, 6}, 32, 6 * 0x1p-126}; }

bool same(std::span<const float> a, std::span<const float> b) {
    return std::ranges::equal(a, b, [](float x, float y) { return x == y || (std::isnan(x) && std::isnan(y)); });
}

std::vector<float> through_e4m3(std::span<const float> row) {
    std::vector<std::byte> codes(row.size()), scales(row.size() / 64 + 1);
    std::vector<float> back(row.size());
    encode_e4m3_row(row, codes.data(), scales.data());
    decode_e4m3_row(codes.data(), scales.data(), back);
    return back;
}

std::vector<float> through_e2m1(std::span<const float> row) {
    std::vector<std::byte> codes(row.size() / 2), scales(row.size() / 32 + 1);
    std::vector<float> back(row.size());
    encode_e2m1_row(row, codes.data(), scales.data());
    decode_e2m1_row(codes.data(), scales.data(), back);
    return back;
}

std::vector<std::vector<float>> odd_rows() {
    std::vector<std::vector<float>> rows;
    for (const float value : {0.0F, -0.0F, smallest, -3 * smallest, 0x1p-126F, 1e-4F, 0.9e-4F, 448.0F, 449.0F, 6.0F, 6.5F, -1e30F, largest, -largest}) {
        rows.emplace_back(96, value);
        rows.push_back({value, 1, -1e-3F, 7e-5F, 0, -value});
        rows.emplace_back(70, 1e-7F).back() = value;
    }
    for (const float odd : {infinite, -infinite, not_a_number}) rows.emplace_back(160, 2.0F)[70] = odd;
    std::mt19937 random(7);
    for (int i = 0; i < 300; ++i) {
        auto& row = rows.emplace_back(2 + 2 * (random() % 120));
        for (float& value : row) value = std::ldexp(static_cast<float>(random() % 2001) - 1000, static_cast<int>(random() % (i % 3 == 0 ? 200 : 12)) - 100);
    }
    return rows;
}

}  // namespace

TEST_CASE("f32 is rounded to the nearest e4m3 and ties to the even code", "[quant]") {
    int wrong = 0;
    for (std::uint32_t code = 0; code < 0x7E; ++code) {
        const float low = f8_e4m3_values[code], high = f8_e4m3_values[code + 1], middle = (low + high) / 2;
        for (const std::uint32_t sign : {0U, 0x80U}) {
            const auto is = [&](float value, std::uint32_t expected) { return f8_e4m3_from_f32(sign != 0 ? -value : value) == (expected | sign); };
            wrong += !is(low, code) + !is(std::nextafter(middle, 0.0F), code) + !is(middle, code + code % 2) + !is(std::nextafter(middle, infinite), code + 1);
        }
    }
    CHECK(wrong == 0);
    for (const float beyond : {448.0F, 464.0F, 480.0F, largest, infinite}) CHECK((f8_e4m3_from_f32(beyond) == 0x7E && f8_e4m3_from_f32(-beyond) == 0xFE));
    CHECK((f8_e4m3_from_f32(not_a_number) & 0x7F) == 0x7F);
}

TEST_CASE("rows in e4m3 and in fp4 are read back as the nearest values of their blocks' scales", "[quant]") {
    for (const auto& row : odd_rows()) {
        CAPTURE(row);
        CHECK(same(through_e4m3(row), e4m3().kept(row)));
        CHECK(same(through_e2m1(row), e2m1().kept(row)));
    }
}

TEST_CASE("what was read back from e4m3 or fp4 is kept as it is", "[quant]") {
    for (const auto& row : odd_rows()) {
        const auto once = through_e4m3(row), small = through_e2m1(row);
        if (std::ranges::count(once, infinite) + std::ranges::count(once, -infinite) > 0) continue;  // the largest f32 of all, rounded up
        CAPTURE(row);
        CHECK(same(through_e4m3(once), once));
        CHECK(same(through_e2m1(small), small));
    }
}

TEST_CASE("a value that is not finite spoils its own block and no other", "[quant]") {
    std::vector<float> row(192, 1.5F);
    for (const float odd : {infinite, -infinite, not_a_number}) {
        row[70] = odd;
        const auto wide = through_e4m3(row), narrow = through_e2m1(row);
        for (std::size_t i = 0; i < row.size(); ++i) {
            CHECK(std::isnan(wide[i]) == (i / 64 == 1));
            CHECK(std::isnan(narrow[i]) == (i / 32 == 2));
        }
    }
}
