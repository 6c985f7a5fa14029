#include "quant/half.hpp"

#include <catch2/catch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

using namespace rorqual::quant;

namespace {

// The definition of IEEE half, in arithmetic.
double half_value(std::uint32_t code) {
    const int exponent = static_cast<int>((code >> 10) & 31);
    const int mantissa = static_cast<int>(code & 0x3FF);
    const double sign = (code & 0x8000) != 0 ? -1 : 1;
    if (exponent == 31) return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
    return sign * (exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(1024 + mantissa, exponent - 25));
}

bool same(float a, double b) { return (std::isnan(a) && std::isnan(b)) || (a == b && std::signbit(a) == std::signbit(b)); }

// Rounding between each pair of neighbouring codes below `infinity`: a little below the middle goes down, a little above up,
// the middle to the even one. Returns the number of codes at which it does not.
template <class ToFloat, class FromFloat>
int wrongly_rounded(std::uint16_t infinity, ToFloat to_float, FromFloat from_float) {
    int wrong = 0;
    for (std::uint16_t code = 0; code < infinity; ++code) {
        const auto next = static_cast<std::uint16_t>(code + 1);
        const double low = to_float(code);
        // The middle between the largest finite value and infinity is where the next value would have been.
        const double high = next == infinity ? 2 * low - to_float(static_cast<std::uint16_t>(code - 1)) : to_float(next);
        const auto middle = static_cast<float>((low + high) / 2);
        const std::uint16_t even = code % 2 == 0 ? code : next;
        for (const int sign : {1, -1}) {
            const auto signed_code = [&](std::uint16_t magnitude) { return sign < 0 ? magnitude | 0x8000 : magnitude; };
            const auto s = static_cast<float>(sign);
            wrong += from_float(s * std::nextafter(middle, 0.0F)) != signed_code(code);
            wrong += from_float(s * middle) != signed_code(even);
            wrong += from_float(s * std::nextafter(middle, INFINITY)) != signed_code(next);
        }
    }
    return wrong;
}

}  // namespace

TEST_CASE("every f16 code has the value IEEE gives it", "[quant]") {
    int wrong = 0;
    for (std::uint32_t code = 0; code < 65536; ++code) wrong += !same(f32_from_f16(static_cast<std::uint16_t>(code)), half_value(code));
    CHECK(wrong == 0);
}

TEST_CASE("every bf16 code is the high half of its f32", "[quant]") {
    int wrong = 0;
    for (std::uint32_t code = 0; code < 65536; ++code) {
        wrong += std::bit_cast<std::uint32_t>(f32_from_bf16(static_cast<std::uint16_t>(code))) != code << 16;
    }
    CHECK(wrong == 0);
}

TEST_CASE("f16 and bf16 survive the way to f32 and back, NaN as NaN", "[quant]") {
    int wrong = 0;
    for (std::uint32_t i = 0; i < 65536; ++i) {
        const auto code = static_cast<std::uint16_t>(i);
        const float half = f32_from_f16(code);
        const float brain = f32_from_bf16(code);
        wrong += std::isnan(half) ? !std::isnan(f32_from_f16(f16_from_f32(half))) : f16_from_f32(half) != code;
        wrong += std::isnan(brain) ? !std::isnan(f32_from_bf16(bf16_from_f32(brain))) : bf16_from_f32(brain) != code;
    }
    CHECK(wrong == 0);
}

TEST_CASE("f32 is rounded to the nearest f16 and bf16, ties to even, overflow to infinity", "[quant]") {
    CHECK(wrongly_rounded(0x7C00, f32_from_f16, f16_from_f32) == 0);
    CHECK(wrongly_rounded(0x7F80, f32_from_bf16, bf16_from_f32) == 0);
}

TEST_CASE("values far beyond f16 become infinity, values far below become zero", "[quant]") {
    CHECK(f16_from_f32(std::numeric_limits<float>::max()) == 0x7C00);
    CHECK(f16_from_f32(-std::numeric_limits<float>::infinity()) == 0xFC00);
    CHECK(f16_from_f32(std::numeric_limits<float>::denorm_min()) == 0);
    CHECK(f16_from_f32(-std::numeric_limits<float>::denorm_min()) == 0x8000);
}
