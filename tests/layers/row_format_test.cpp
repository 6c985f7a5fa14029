#include "layers/row_format.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "quant/half.hpp"
#include "quant/scaled_rows.hpp"
#include "support/random_values.hpp"

using namespace rorqual;
using layers::RowFormat;

namespace {

std::vector<float> read_back(const RowFormat& format, std::span<const float> row) {
    constexpr std::byte mark{0xA5};
    std::vector<std::byte> stored(static_cast<std::size_t>(format.bytes()) + 2, mark);
    format.store(row, stored.data() + 1);  // at any address
    CHECK((stored.front() == mark && stored.back() == mark));
    std::vector<float> back(row.size());
    format.load(stored.data() + 1, back);
    return back;
}

std::vector<float> through_e4m3(std::span<const float> row) {
    std::vector<std::byte> codes(row.size()), scales(row.size() / 64 + 1);
    std::vector<float> back(row.size());
    quant::encode_e4m3_row(row, codes.data(), scales.data());
    quant::decode_e4m3_row(codes.data(), scales.data(), back);
    return back;
}

}  // namespace

TEST_CASE("rows of DeepSeek-V4 take the bytes of its compact layout", "[layers][cache]") {
    CHECK(RowFormat::of_keys(CacheFormat::f32, 512, 64).bytes() == 2048);
    CHECK(RowFormat::of_keys(CacheFormat::bf16, 512, 64).bytes() == 1024);
    CHECK(RowFormat::of_keys(CacheFormat::compact, 512, 64).bytes() == 448 + 8 + 128);
    CHECK(RowFormat::of_index_keys(CacheFormat::f32, 128).bytes() == 512);
    CHECK(RowFormat::of_index_keys(CacheFormat::bf16, 128).bytes() == 256);
    CHECK(RowFormat::of_index_keys(CacheFormat::compact, 128).bytes() == 64 + 4);
}

TEST_CASE("a compact key is read back as e4m3 but for its rotated values which are bf16", "[layers][cache]") {
    for (const auto& [width, rope] : {std::pair<std::size_t, std::size_t>{512, 64}, {48, 16}, {64, 32}, {6, 2}, {130, 0}, {8, 8}}) {
        CAPTURE(width, rope);
        const auto row = test::random_values(width, 1);
        const auto format = RowFormat::of_keys(CacheFormat::compact, static_cast<std::int64_t>(width), static_cast<std::int64_t>(rope));
        CHECK(format.bytes() % 4 == 0);  // f32 rows lie behind them
        auto expected = through_e4m3(std::span(row).first(width - rope));
        for (std::size_t i = width - rope; i < width; ++i) expected.push_back(quant::f32_from_bf16(quant::bf16_from_f32(row[i])));
        CHECK(read_back(format, row) == expected);
    }
}

TEST_CASE("rotated values that are not finite leave the others of a compact key alone", "[layers][cache]") {
    auto row = test::random_values(48, 2);
    const auto format = RowFormat::of_keys(CacheFormat::compact, 48, 16);
    const auto good = read_back(format, row);
    row[40] = std::numeric_limits<float>::infinity();
    row[41] = std::numeric_limits<float>::quiet_NaN();
    const auto back = read_back(format, row);
    CHECK(std::ranges::equal(std::span(back).first(40), std::span(good).first(40)));
    CHECK(back[40] == row[40]);
    CHECK(std::isnan(back[41]));
}

TEST_CASE("every format gives the same row whenever it is stored again", "[layers][cache]") {
    const auto row = test::random_values(128, 3);
    for (const auto cache : {CacheFormat::f32, CacheFormat::bf16, CacheFormat::compact}) {
        for (const auto& format : {RowFormat::of_keys(cache, 128, 64), RowFormat::of_index_keys(cache, 128)}) {
            const auto once = read_back(format, row);
            CHECK(read_back(format, once) == once);
            CHECK((once == row) == (cache == CacheFormat::f32));
        }
    }
    CHECK(RowFormat::of_index_keys(CacheFormat::compact, 128).transformed());
    CHECK_FALSE(RowFormat::of_index_keys(CacheFormat::bf16, 128).transformed());
}
