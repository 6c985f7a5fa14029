#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rorqual::text {

/// A code point and how many bytes it takes.
struct Codepoint {
    char32_t value;
    std::size_t length;
};

/// The code point at `at`, which must be the beginning of a character of valid UTF-8.
[[nodiscard]] inline Codepoint codepoint_at(const char* at) noexcept {
    const auto byte = [at](int i) { return static_cast<char32_t>(static_cast<unsigned char>(at[i])); };
    const char32_t lead = byte(0);
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xE0) return {(lead & 0x1F) << 6 | (byte(1) & 0x3F), 2};
    if (lead < 0xF0) return {(lead & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F), 3};
    return {(lead & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F), 4};
}

/// Appends the code point as UTF-8; it must be one that UTF-8 has (below 0x110000, no surrogate).
void append_utf8(std::string& out, char32_t codepoint);

/// Offset of the first byte that begins no well-formed character (Unicode 16, table 3-7); npos if all of `text` is UTF-8.
[[nodiscard]] std::size_t first_invalid_utf8(std::string_view text) noexcept;

/// Appends `bytes` as text: each maximal part of a broken character becomes one U+FFFD (Unicode 16, §3.9, the practice of
/// Rust's from_utf8_lossy). Up to three bytes at the end that may still become a character are left out; returns how many.
std::size_t append_lossy(std::string& out, std::string_view bytes);

/// What a broken character becomes.
inline constexpr std::string_view replacement_character = "\xEF\xBF\xBD";

}  // namespace rorqual::text
