#include "io/printable.hpp"

namespace rorqual::io {

std::string printable(std::string_view text, std::size_t longest) {
    constexpr char digits[] = "0123456789abcdef";

    std::size_t end = text.size();
    if (end > longest) {
        end = longest;
        while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
    }
    std::string out;
    for (const char c : text.substr(0, end)) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7F) {
            out += "\\x";
            out += digits[byte >> 4];
            out += digits[byte & 15];
        } else {
            out += c;
        }
    }
    if (end < text.size()) out += "…";
    return out;
}

}  // namespace rorqual::io
