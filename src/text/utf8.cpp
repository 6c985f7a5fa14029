#include "text/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace rorqual::text {
namespace {

enum class Form { character,
                  broken,
                  unfinished };

// What stands at the beginning of `bytes`, and how many bytes of it belong together.
struct Sequence {
    Form form;
    std::size_t length;
};

Sequence sequence_at(std::string_view bytes) noexcept {
    const auto byte = [bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80) return {Form::character, 1};

    // The second byte is narrower after four leads: no overlong forms, no surrogates, nothing above U+10FFFF.
    std::size_t length = 0;
    unsigned char low = 0x80, high = 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        if (lead == 0xE0) low = 0xA0;
        if (lead == 0xED) high = 0x9F;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        if (lead == 0xF0) low = 0x90;
        if (lead == 0xF4) high = 0x8F;
    } else {
        return {Form::broken, 1};
    }
    for (std::size_t i = 1; i < length; ++i) {
        if (i == bytes.size()) return {Form::unfinished, i};
        if (byte(i) < low || byte(i) > high) return {Form::broken, i};
        low = 0x80, high = 0xBF;
    }
    return {Form::character, length};
}

// How many bytes at the beginning are ASCII, as far as that can be told eight at a time.
std::size_t ascii_prefix(std::string_view bytes) noexcept {
    std::size_t length = 0;
    while (bytes.size() - length >= sizeof(std::uint64_t)) {
        std::uint64_t eight = 0;
        std::memcpy(&eight, bytes.data() + length, sizeof eight);
        if ((eight & 0x8080808080808080u) != 0) break;
        length += sizeof eight;
    }
    return length;
}

}  // namespace

void append_utf8(std::string& out, char32_t codepoint) {
    const auto put = [&out](char32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (codepoint < 0x80) {
        put(codepoint);
    } else if (codepoint < 0x800) {
        put(0xC0 | codepoint >> 6), put(0x80 | (codepoint & 0x3F));
    } else if (codepoint < 0x10000) {
        put(0xE0 | codepoint >> 12), put(0x80 | (codepoint >> 6 & 0x3F)), put(0x80 | (codepoint & 0x3F));
    } else {
        put(0xF0 | codepoint >> 18), put(0x80 | (codepoint >> 12 & 0x3F)), put(0x80 | (codepoint >> 6 & 0x3F));
        put(0x80 | (codepoint & 0x3F));
    }
}

std::size_t first_invalid_utf8(std::string_view text) noexcept {
    std::size_t at = 0;
    while (at < text.size()) {
        const std::string_view rest = text.substr(at);
        if (const std::size_t ascii = ascii_prefix(rest); ascii > 0) {
            at += ascii;
            continue;
        }
        const Sequence sequence = sequence_at(rest);
        if (sequence.form != Form::character) return at;
        at += sequence.length;
    }
    return std::string_view::npos;
}

std::size_t append_lossy(std::string& out, std::string_view bytes) {
    while (!bytes.empty()) {
        const Sequence sequence = sequence_at(bytes);
        if (sequence.form == Form::unfinished) return sequence.length;
        out += sequence.form == Form::character ? bytes.substr(0, sequence.length) : replacement_character;
        bytes.remove_prefix(sequence.length);
    }
    return 0;
}

}  // namespace rorqual::text
