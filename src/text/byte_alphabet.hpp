#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rorqual::text {

/// GPT-2's alphabet: every byte as one printable character, so that vocabularies of bytes can be written as text
/// (Radford et al. 2019, encoder.py, bytes_to_unicode). Bytes that are printable in Latin-1 stand for themselves, the
/// other 68 are U+0100, U+0101, … in their order: a space is U+0120.

/// The character that stands for a byte.
[[nodiscard]] char32_t letter_of_byte(unsigned char byte) noexcept;

/// The bytes that UTF-8 text in this alphabet stands for; nothing if a character is not of the alphabet.
[[nodiscard]] std::optional<std::string> bytes_of_letters(std::string_view letters);

/// Bytes written in this alphabet, as UTF-8.
[[nodiscard]] std::string letters_of_bytes(std::string_view bytes);

}  // namespace rorqual::text
