#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace rorqual::panels {

/// Eight codes of a byte each in one integer, the first lowest: plain C++ handles them together.
using EightCodes = std::uint64_t;

/// `value` in each of the eight bytes.
constexpr EightCodes eight(std::uint8_t value) noexcept { return 0x0101'0101'0101'0101U * value; }

/// A number whose bytes lie in memory lowest first, whatever the machine's own order; at any alignment.
template <class Number>
Number load_codes(const std::byte* p) {
    Number codes;
    std::memcpy(&codes, p, sizeof codes);
    if constexpr (std::endian::native == std::endian::big) {
        Number swapped = 0;
        for (std::size_t i = 0; i < sizeof codes; ++i) swapped = static_cast<Number>(swapped << 8 | (codes >> (8 * i) & 0xff));
        return swapped;
    }
    return codes;
}
template <class Number>
void store_codes(std::byte* to, Number codes) {
    codes = load_codes<Number>(reinterpret_cast<const std::byte*>(&codes));
    std::memcpy(to, &codes, sizeof codes);
}

inline EightCodes eight_at(const std::byte* p) { return load_codes<EightCodes>(p); }
inline std::uint32_t four_at(const std::byte* p) { return load_codes<std::uint32_t>(p); }
inline void put_eight(std::byte* to, EightCodes codes) { store_codes(to, codes); }
inline void put_four(std::byte* to, std::uint32_t codes) { store_codes(to, codes); }

}  // namespace rorqual::panels
