#include "quant/decode.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include "quant/float8.hpp"
#include "quant/half.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using namespace rorqual::quant;

TEST_CASE("every f8_e4m3 code has the value its definition gives", "[quant]") {
    for (int code = 0; code < 256; ++code) {
        const int exponent = (code >> 3) & 15;
        const int mantissa = code & 7;
        const double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
        const float value = f8_e4m3_values[static_cast<std::size_t>(code)];
        CAPTURE(code);
        if (exponent == 15 && mantissa == 7) {
            CHECK(std::isnan(value));
        } else {
            CHECK(value == (code >= 128 ? -magnitude : magnitude));
            CHECK(std::signbit(value) == (code >= 128));
        }
    }
    CHECK(f8_e4m3_values[0x7E] == 448.0F);
}

TEST_CASE("every f8_e8m0 code is a power of two, the last one NaN", "[quant]") {
    for (int code = 0; code < 255; ++code) CHECK(f8_e8m0_values[static_cast<std::size_t>(code)] == std::ldexp(1.0, code - 127));
    CHECK(std::isnan(f8_e8m0_values[255]));
}

TEST_CASE("decoding reads every floating-point format at any alignment", "[quant]") {
    const std::vector<float> values = {0.0F, -1.0F, 2.5F, 448.0F, 0.015625F};
    std::vector<float> out(values.size());
    const auto decoded = [&](DType dtype, const auto& stored) {
        std::vector<std::byte> bytes(1 + stored.size() * sizeof stored[0]);
        std::memcpy(bytes.data() + 1, stored.data(), bytes.size() - 1);
        decode(dtype, std::span(bytes).subspan(1), out);
        return out;
    };
    std::vector<std::uint16_t> half, brain;
    for (const float value : values) {
        half.push_back(f16_from_f32(value));
        brain.push_back(bf16_from_f32(value));
    }
    CHECK(decoded(DType::f32, values) == values);
    CHECK(decoded(DType::f64, std::vector<double>(values.begin(), values.end())) == values);
    CHECK(decoded(DType::f16, half) == values);
    CHECK(decoded(DType::bf16, brain) == values);
    CHECK(decoded(DType::f8_e4m3, std::vector<std::uint8_t>{0x00, 0xB8, 0x42, 0x7E, 0x08}) == values);
    CHECK(decoded(DType::f8_e8m0, std::vector<std::uint8_t>{127, 128, 126, 121, 130}) ==
          std::vector<float>{1, 2, 0.5F, 0.015625F, 8});
}

TEST_CASE("decoding refuses sizes that disagree and formats it does not know", "[quant][hostile]") {
    std::vector<std::byte> bytes(8);
    std::vector<float> out(2);
    CHECK(test::outcome_of([&] { decode(DType::f32, bytes, out); }).ok());
    CHECK(test::outcome_of([&] { decode(DType::bf16, bytes, out); }).status == Status::internal);
    CHECK(test::outcome_of([&] { decode(DType::i32, bytes, out); }).status == Status::internal);
    CHECK_FALSE(can_decode(DType::boolean));
}
