#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

#include "operands.hpp"
#include "ops/weight_formats.hpp"
#include "rorqual/ops.hpp"

using namespace rorqual;

TEST_CASE("every half and bfloat16 reads as the number it stands for", "[ops][formats]") {
    for (std::uint32_t code = 0; code < 0x10000; ++code) {
        const auto stored = static_cast<std::uint16_t>(code);
        const auto* p = reinterpret_cast<const std::byte*>(&stored);
        const double sign = code & 0x8000 ? -1 : 1;
        const int exponent = static_cast<int>(code >> 10 & 31);
        const int fraction = static_cast<int>(code & 1023);
        const float half = ops::F16::load(p);
        if (exponent == 31 && fraction != 0) {
            if (!std::isnan(half)) FAIL("half " << code);
        } else {
            const double expected = exponent == 31  ? sign * std::numeric_limits<double>::infinity()
                                    : exponent == 0 ? sign * std::ldexp(fraction, -24)
                                                    : sign * std::ldexp(1024 + fraction, exponent - 25);
            if (half != expected || std::signbit(half) != (sign < 0)) FAIL("half " << code);
        }
        if (std::bit_cast<std::uint32_t>(ops::Bf16::load(p)) != code << 16) FAIL("bf16 " << code);
    }
    SUCCEED();
}

TEST_CASE("every instruction set reads every weight as the portable code does", "[ops][formats]") {
    // x = 1 picks single weights; the sum with zeros loses only the sign of zero and the NaN's payload.
    std::vector<std::uint16_t> codes(0x10000);
    for (std::size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<std::uint16_t>(i);
    const float one = 1;
    for (const ops::Kernel& kernel : test::kernels_of("matvec")) {
        if (kernel.format == DType::f32) continue;
        CAPTURE(kernel.name);
        const WeightView w{kernel.format, reinterpret_cast<const std::byte*>(codes.data()), 0x10000, 1};
        std::vector<float> y(codes.size());
        test::run_product(kernel, w, {&one, 1, 1}, {y.data(), 1, 0x10000});
        int different = 0;
        for (std::size_t i = 0; i < codes.size(); ++i) {
            const auto* p = reinterpret_cast<const std::byte*>(&codes[i]);
            const float expected = kernel.format == DType::f16 ? ops::F16::load(p) : ops::Bf16::load(p);
            if (!(y[i] == expected || (std::isnan(y[i]) && std::isnan(expected)))) ++different;
        }
        CHECK(different == 0);
    }
}
