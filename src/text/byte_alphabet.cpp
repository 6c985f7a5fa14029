#include "text/byte_alphabet.hpp"

#include <array>
#include <cstdint>

#include "text/utf8.hpp"

namespace rorqual::text {
namespace {

constexpr bool stands_for_itself(int byte) {
    return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr std::array<char16_t, 256> letters = [] {
    std::array<char16_t, 256> table{};
    char16_t next = 0x100;
    for (int byte = 0; byte < 256; ++byte) table[byte] = stands_for_itself(byte) ? static_cast<char16_t>(byte) : next++;
    return table;
}();

constexpr std::int16_t no_byte = -1;
constexpr std::size_t alphabet_end = 0x100 + 68;

constexpr std::array<std::int16_t, alphabet_end> bytes = [] {
    std::array<std::int16_t, alphabet_end> table{};
    for (auto& entry : table) entry = no_byte;
    for (int byte = 0; byte < 256; ++byte) table[letters[byte]] = static_cast<std::int16_t>(byte);
    return table;
}();

}  // namespace

char32_t letter_of_byte(unsigned char byte) noexcept { return letters[byte]; }

std::optional<std::string> bytes_of_letters(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const Codepoint letter = codepoint_at(text.data() + at);
        if (letter.value >= alphabet_end || bytes[letter.value] == no_byte) return std::nullopt;
        out.push_back(static_cast<char>(bytes[letter.value]));
        at += letter.length;
    }
    return out;
}

std::string letters_of_bytes(std::string_view text) {
    std::string out;
    out.reserve(2 * text.size());
    for (const char byte : text) append_utf8(out, letter_of_byte(static_cast<unsigned char>(byte)));
    return out;
}

}  // namespace rorqual::text
