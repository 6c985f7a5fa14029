#include "quant/finite.hpp"

#include "quant/block_reader.hpp"

namespace rorqual::quant {
namespace {

// All exponent bits set.
bool half_at_is_odd(const std::byte* p) noexcept { return (u16_at(p) & 0x7C00) == 0x7C00; }

// Half-precision scales at fixed places in the block: one, or two.
template <int At>
bool half(const std::byte* block) noexcept { return half_at_is_odd(block + At); }
template <int First, int Second>
bool halves(const std::byte* block) noexcept { return half_at_is_odd(block + First) || half_at_is_odd(block + Second); }

bool brain(const std::byte* value) noexcept { return (u16_at(value) & 0x7F80) == 0x7F80; }
bool single(const std::byte* value) noexcept { return (u32_at(value) & 0x7F800000U) == 0x7F800000U; }
bool e4m3(const std::byte* value) noexcept { return (byte_at(value, 0) & 0x7F) == 0x7F; }
bool e8m0(const std::byte* block) noexcept { return byte_at(block, 0) == 0xFF; }
// iq1_m spreads its half over the top nibbles of four u16: the exponent is in the last and the one before.
bool iq1_m(const std::byte* block) noexcept {
    return ((u16_at(block + 54) >> 12 & 7) << 2 | u16_at(block + 52) >> 14) == 31;
}

using IsOdd = bool (*)(const std::byte* block) noexcept;

IsOdd test_of(DType dtype) noexcept {
    switch (dtype) {
        case DType::f32: return single;
        case DType::bf16: return brain;
        case DType::f8_e4m3: return e4m3;
        case DType::f8_e8m0:
        case DType::mxfp4: return e8m0;
        case DType::f16:
        case DType::q4_0:
        case DType::q5_0:
        case DType::q8_0:
        case DType::iq4_nl:
        case DType::iq4_xs:
        case DType::iq2_xxs:
        case DType::iq2_xs:
        case DType::iq2_s:
        case DType::iq3_xxs:
        case DType::iq3_s:
        case DType::iq1_s: return half<0>;
        case DType::q4_1:
        case DType::q5_1:
        case DType::q4_k:
        case DType::q5_k: return halves<0, 2>;
        case DType::q2_k: return halves<80, 82>;
        case DType::q3_k: return half<108>;
        case DType::q6_k: return half<208>;
        case DType::tq1_0: return half<52>;
        case DType::tq2_0: return half<64>;
        case DType::iq1_m: return iq1_m;
        case DType::f64:
        case DType::i8:
        case DType::u8:
        case DType::i16:
        case DType::i32:
        case DType::i64:
        case DType::boolean: break;
    }
    return nullptr;
}

}  // namespace

std::optional<std::int64_t> first_not_finite(DType dtype, std::span<const std::byte> bytes) noexcept {
    const IsOdd is_odd = test_of(dtype);
    if (is_odd == nullptr) return std::nullopt;
    const auto stride = static_cast<std::size_t>(block_bytes(dtype));
    for (std::size_t at = 0; at + stride <= bytes.size(); at += stride) {
        if (is_odd(bytes.data() + at)) return static_cast<std::int64_t>(at / stride);
    }
    return std::nullopt;
}

}  // namespace rorqual::quant
