#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

namespace rorqual::io {

/// The little-endian number at `p`, at any alignment, whatever the machine's own order.
template <class Number>
[[nodiscard]] Number little_endian(const std::byte* p) noexcept {
    if constexpr (std::is_floating_point_v<Number>) {
        using Bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
        return std::bit_cast<Number>(little_endian<Bits>(p));
    } else {
        std::make_unsigned_t<Number> value = 0;
        for (std::size_t i = 0; i < sizeof value; ++i) {
            value = static_cast<decltype(value)>(value | static_cast<decltype(value)>(std::to_integer<std::uint64_t>(p[i]) << (8 * i)));
        }
        return static_cast<Number>(value);
    }
}

/// Appends `value`, little-endian.
template <class Number>
void append_little_endian(std::vector<std::byte>& out, Number value) {
    if constexpr (std::is_floating_point_v<Number>) {
        using Bits = std::conditional_t<sizeof(Number) == 4, std::uint32_t, std::uint64_t>;
        append_little_endian(out, std::bit_cast<Bits>(value));
    } else {
        for (std::size_t i = 0; i < sizeof value; ++i) {
            out.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> (8 * i) & 255));
        }
    }
}

}  // namespace rorqual::io
