#pragma once

#include <cstddef>
#include <cstdint>

#include "quant/half.hpp"

namespace rorqual::quant {

/// Little-endian fields of a block, at any alignment. Blocks come from files: nothing is assumed but their length.
/// `static`, as in half.hpp: included by files compiled for one instruction set too.
static inline std::uint8_t byte_at(const std::byte* p, std::int64_t i) { return std::to_integer<std::uint8_t>(p[i]); }
static inline std::int8_t signed_at(const std::byte* p, std::int64_t i) { return static_cast<std::int8_t>(byte_at(p, i)); }
static inline std::uint16_t u16_at(const std::byte* p) { return static_cast<std::uint16_t>(byte_at(p, 0) | byte_at(p, 1) << 8); }
static inline std::uint32_t u32_at(const std::byte* p) {
    return static_cast<std::uint32_t>(u16_at(p)) | static_cast<std::uint32_t>(u16_at(p + 2)) << 16;
}
static inline float half_at(const std::byte* p) { return f32_from_f16(u16_at(p)); }
static inline std::uint8_t low_nibble(std::uint8_t b) { return b & 15; }
static inline std::uint8_t high_nibble(std::uint8_t b) { return b >> 4; }

}  // namespace rorqual::quant
