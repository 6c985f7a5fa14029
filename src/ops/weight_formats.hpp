#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

// How one stored weight becomes an f32, in plain C++: what the portable kernels and the embedding are made of.
// Units of an instruction set have their own, vectorised (x86_*.hpp), and do not include this file: an inline function compiled
// there could be the copy that the linker keeps for all.

namespace rorqual::ops {

struct F32 {
    static constexpr std::int64_t bytes = 4;
    static float load(const std::byte* p) noexcept {
        float value;
        std::memcpy(&value, p, sizeof value);
        return value;
    }
};

/// The high half of an f32.
struct Bf16 {
    static constexpr std::int64_t bytes = 2;
    static float load(const std::byte* p) noexcept {
        std::uint16_t stored;
        std::memcpy(&stored, p, sizeof stored);
        return std::bit_cast<float>(std::uint32_t{stored} << 16);
    }
};

/// IEEE 754 binary16.
struct F16 {
    static constexpr std::int64_t bytes = 2;
    static float load(const std::byte* p) noexcept {
        std::uint16_t stored;
        std::memcpy(&stored, p, sizeof stored);
        const std::uint32_t sign = std::uint32_t{stored & 0x8000U} << 16;
        const std::uint32_t rest = stored & 0x7fffU;
        if (rest >= 0x7c00) {  // infinity, or NaN, made quiet as the processors' conversions do
            return std::bit_cast<float>(sign | 0x7f80'0000U | (rest & 0x3ffU) << 13 | (rest > 0x7c00 ? 0x40'0000U : 0U));
        }
        // The exponent's bias is 112 smaller; multiplying by 2^112 moves it, subnormals included, without rounding.
        return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(std::bit_cast<float>(rest << 13) * 0x1p112F));
    }
};

}  // namespace rorqual::ops
