#include "quant/encode.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "quant/decode.hpp"
#include "quant/half.hpp"
#include "support/golden.hpp"
#include "support/outcome.hpp"
#include "support/quant_formats.hpp"

using namespace rorqual;

namespace {

using Bytes = std::vector<std::byte>;

Bytes encoded(DType dtype, const std::vector<float>& values) {
    Bytes bytes(values.size() / static_cast<std::size_t>(block_length(dtype)) * static_cast<std::size_t>(block_bytes(dtype)));
    quant::encode(dtype, values, bytes);
    return bytes;
}

std::vector<float> decoded(DType dtype, const Bytes& bytes) {
    std::vector<float> values(bytes.size() / static_cast<std::size_t>(block_bytes(dtype)) * static_cast<std::size_t>(block_length(dtype)));
    quant::decode(dtype, bytes, values);
    return values;
}

double squared_error(const std::vector<float>& a, const std::vector<float>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
    return sum;
}

double energy(const std::vector<float>& values) { return squared_error(values, std::vector<float>(values.size())); }

// Rows of 256 that a quantiser may stumble over, by what is odd about them.
struct Row {
    std::string what;
    std::vector<float> values;
};
std::vector<Row> odd_rows() {
    std::mt19937 random(5);
    std::vector<float> deviates(256);
    // by hand: std::normal_distribution differs between libraries
    for (float& x : deviates) {
        x = -6;
        for (int i = 0; i < 12; ++i) x += static_cast<float>(random() >> 8) * 0x1p-24F;
    }
    const auto changed = [&](const std::string& what, auto&& change) {
        Row row{what, deviates};
        for (std::size_t i = 0; i < row.values.size(); ++i) row.values[i] = change(row.values[i], i);
        return row;
    };
    return {
        changed("zeros", [](float, std::size_t) { return 0.0F; }),
        changed("negative zeros", [](float, std::size_t) { return -0.0F; }),
        changed("all the same", [](float, std::size_t) { return 0.37F; }),
        changed("all the same, negative", [](float, std::size_t) { return -0.37F; }),
        changed("positive only", [](float x, std::size_t) { return std::fabs(x) + 3; }),
        changed("negative only", [](float x, std::size_t) { return -std::fabs(x) - 3; }),
        changed("one value that is not zero", [](float, std::size_t i) { return i == 77 ? -2.0F : 0.0F; }),
        changed("an outlier", [](float x, std::size_t i) { return i == 200 ? 1000.0F : x; }),
        changed("groups of very different size", [](float x, std::size_t i) { return std::ldexp(x, static_cast<int>(i / 16) - 8); }),
        changed("the largest values", [](float x, std::size_t) { return x > 0 ? 65504.0F : -65504.0F; }),
        changed("large values", [](float x, std::size_t) { return 9000 * x; }),
        changed("small values", [](float x, std::size_t) { return 1e-4F * x; }),
        changed("values far below the smallest half", [](float x, std::size_t) { return 1e-12F * x; }),
        changed("subnormal values", [](float x, std::size_t) { return 1e-40F * x; }),
        changed("the smallest value", [](float, std::size_t i) { return i % 2 == 0 ? std::numeric_limits<float>::denorm_min() : 0.0F; }),
    };
}

}  // namespace

TEST_CASE("Q4_0, Q4_1, Q5_0, Q5_1 and Q8_0 are stored byte for byte as the gguf package stores them", "[quant][golden]") {
    const test::Golden golden(test::bundled_blocks());
    const auto source = golden.floats("source.values");
    for (const DType dtype : {DType::q4_0, DType::q4_1, DType::q5_0, DType::q5_1, DType::q8_0}) {
        const auto expected = golden.bytes(test::upper_name(dtype) + ".quantized");
        std::vector<std::uint8_t> stored(expected.size());
        quant::encode(dtype, source, std::as_writable_bytes(std::span(stored)));
        CAPTURE(name(dtype));
        CHECK(stored == expected);
    }
}

TEST_CASE("every searched format is stored at least as close to the weights as by the reference quantiser", "[quant][golden]") {
    const test::Golden golden(test::bundled_blocks());
    const auto source = golden.floats("source.values");
    std::size_t compared = 0;
    for (const DType dtype : test::written_formats()) {
        const std::string reference_name = test::upper_name(dtype) + ".reference";
        if (!golden.has(reference_name)) continue;
        const auto reference = golden.bytes(reference_name);
        std::vector<float> of_reference(source.size());
        quant::decode(dtype, std::as_bytes(std::span(reference)), of_reference);
        const double ours = std::sqrt(squared_error(source, decoded(dtype, encoded(dtype, source))) / energy(source));
        const double theirs = std::sqrt(squared_error(source, of_reference) / energy(source));
        CAPTURE(name(dtype));
        CHECK(ours <= theirs);
        WARN(name(dtype) << ": relative error " << ours << ", reference " << theirs);
        ++compared;
    }
    CHECK(compared == 8);
}

TEST_CASE("storing an odd row costs no more than storing zeros", "[quant][hostile]") {
    for (const DType dtype : test::written_formats()) {
        for (const Row& row : odd_rows()) {
            CAPTURE(name(dtype), row.what);
            const auto values = decoded(dtype, encoded(dtype, row.values));
            CHECK(std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); }));
            // The offset of Q4_1 and Q5_1 is a half of its own: up to 2^-25 off where everything else is zero.
            const double rounding = 256 * std::ldexp(1.0, -50);
            CHECK(squared_error(row.values, values) <= energy(row.values) + rounding);
        }
    }
}

TEST_CASE("weights of any size are stored at no more cost than zeros", "[quant][hostile]") {
    const std::vector<float> deviates = odd_rows()[7].values;  // and an outlier
    for (const DType dtype : test::written_formats()) {
        for (int exponent = -60; exponent <= 6; ++exponent) {
            std::vector<float> row(deviates);
            for (float& x : row) x = std::ldexp(x, exponent);
            CAPTURE(name(dtype), exponent);
            const double rounding = 256 * std::ldexp(1.0, -50);  // as above
            CHECK(squared_error(row, decoded(dtype, encoded(dtype, row))) <= energy(row) + rounding);
        }
    }
}

TEST_CASE("zeros are stored as zeros", "[quant]") {
    for (const DType dtype : test::written_formats()) {
        CAPTURE(name(dtype));
        CHECK(energy(decoded(dtype, encoded(dtype, std::vector<float>(512)))) == 0);
    }
}

TEST_CASE("a block depends on its own values alone, at any alignment", "[quant]") {
    std::vector<float> row;
    for (const Row& odd : odd_rows()) row.insert(row.end(), odd.values.begin(), odd.values.end());
    for (const DType dtype : test::written_formats()) {
        const auto length = static_cast<std::size_t>(block_length(dtype)), bytes = static_cast<std::size_t>(block_bytes(dtype));
        const Bytes whole = encoded(dtype, row);
        Bytes shifted(bytes + 1);
        for (std::size_t block = 0; block * length < row.size(); ++block) {
            quant::encode(dtype, std::span(row).subspan(block * length, length), std::span(shifted).subspan(1));
            CAPTURE(name(dtype), block);
            REQUIRE(std::memcmp(shifted.data() + 1, whole.data() + block * bytes, bytes) == 0);
        }
    }
}

TEST_CASE("f32, f16 and bf16 are stored to nearest", "[quant]") {
    const std::vector<float> values = odd_rows()[8].values;
    CHECK(decoded(DType::f32, encoded(DType::f32, values)) == values);
    std::vector<float> half, brain;
    for (const float value : values) {
        half.push_back(quant::f32_from_f16(quant::f16_from_f32(value)));
        brain.push_back(quant::f32_from_bf16(quant::bf16_from_f32(value)));
    }
    CHECK(decoded(DType::f16, encoded(DType::f16, values)) == half);
    CHECK(decoded(DType::bf16, encoded(DType::bf16, values)) == brain);
}

TEST_CASE("a value that cannot be stored is refused by its index", "[quant][hostile]") {
    auto formats = test::written_formats();
    formats.insert(formats.end(), {DType::f32, DType::f16, DType::bf16});
    for (const DType dtype : formats) {
        for (const float bad : {NAN, INFINITY, -INFINITY, 65536.0F, -1e30F}) {
            if (std::isfinite(bad) && (dtype == DType::f32 || dtype == DType::bf16)) continue;
            std::vector<float> values(512, 1.0F);
            values[300] = bad;
            CAPTURE(name(dtype), bad);
            const auto outcome = test::outcome_of([&] { (void)encoded(dtype, values); });
            CHECK(outcome.status == Status::invalid_argument);
            CHECK(outcome.says("value 300 is "));
            CHECK(outcome.says(std::string(name(dtype)) + " cannot store"));
        }
    }
}

TEST_CASE("encoding refuses parts of blocks and formats it cannot write", "[quant][hostile]") {
    Bytes bytes(1000);
    const std::vector<float> values(512);
    const auto encoding = [&](DType dtype, std::size_t v, std::size_t b) {
        return test::outcome_of([&] { quant::encode(dtype, std::span(values).first(v), std::span(bytes).first(b)); }).status;
    };
    CHECK(encoding(DType::q4_k, 512, 288) == Status::ok);
    CHECK(encoding(DType::q4_k, 0, 0) == Status::ok);
    CHECK(encoding(DType::q4_k, 512, 144) == Status::internal);
    CHECK(encoding(DType::q4_k, 511, 288) == Status::internal);
    CHECK(encoding(DType::f32, 4, 15) == Status::internal);
    CHECK(encoding(DType::iq2_xxs, 256, 66) == Status::internal);
    CHECK(encoding(DType::i32, 4, 16) == Status::internal);
    CHECK_FALSE(quant::can_encode(DType::tq1_0));
}
