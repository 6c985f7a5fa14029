#include "prompts/jinja/text_operations.hpp"

#include <algorithm>

#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"
#include "text/utf8.hpp"

namespace rorqual::prompts::jinja {
namespace {

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) noexcept { return c >= 'A' && c <= 'Z'; }
char to_lower(char c) noexcept { return is_upper(c) ? static_cast<char>(c + ('a' - 'A')) : c; }
char to_upper(char c) noexcept { return is_lower(c) ? static_cast<char>(c - ('a' - 'A')) : c; }

// str.isspace()
bool is_space(char32_t c) noexcept {
    return (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
           c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool space_at(std::string_view text, std::size_t at) noexcept { return is_space(text::codepoint_at(text.data() + at).value); }

std::size_t last_character(std::string_view text, std::size_t end) noexcept {
    do {
        --end;
    } while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80);
    return end;
}

/// Whether what stands behind a character is to be large.
bool begins_word(Case wanted, char before) noexcept {
    if (wanted == Case::title) return !is_lower(to_lower(before)) && static_cast<unsigned char>(before) < 0x80;
    return wanted == Case::words && std::string_view("- \t\n\r\f\v({[<").find(before) != std::string_view::npos;
}

Value part(Context& context, const Text& text, std::size_t begin, std::size_t end) {
    context.step();
    return make_text(context, Text().append(text, begin, end));
}

}  // namespace

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), to_lower);
    return result;
}

Text with_case(Context& context, const Text& text, Case wanted) {
    context.bytes(text.whole().size());
    bool first = true;  // of a word, or of the text
    Text result;
    text.each([&](std::string_view bytes, bool is_markup) {
        std::string mapped;
        for (const char c : bytes) {
            const bool large = wanted == Case::upper || (wanted != Case::lower && first);
            mapped += large ? to_upper(c) : to_lower(c);
            first = begins_word(wanted, c);
        }
        result.append(mapped, is_markup);
    });
    return result;
}

Text stripped(Context& context, const Text& text, Side side, const std::optional<std::string_view>& characters) {
    const std::string_view whole = text.whole();
    context.bytes(whole.size());
    const auto goes = [&](std::size_t at) {
        if (!characters) return space_at(whole, at);
        context.step(1 + characters->size() / 64);
        return characters->find(whole.substr(at, character_size(whole, at))) != std::string_view::npos;
    };
    std::size_t begin = 0, end = whole.size();
    while (side != Side::right && begin < end && goes(begin)) begin += character_size(whole, begin);
    while (side != Side::left && begin < end && goes(last_character(whole, end))) end = last_character(whole, end);
    return Text().append(text, begin, end);
}

Values split(Context& context, const Text& text, std::string_view separator, std::int64_t most) {
    Values parts;
    std::size_t begin = 0;
    for (; most > 0; --most) {
        const auto at = text.whole().find(separator, begin);
        context.step(1 + ((at == std::string::npos ? text.whole().size() : at) - begin) * (1 + separator.size()) / 4096);
        if (at == std::string::npos) break;
        parts.push_back(part(context, text, begin, at));
        begin = at + separator.size();
    }
    parts.push_back(part(context, text, begin, text.whole().size()));
    return parts;
}

Values split_at_space(Context& context, const Text& text, std::int64_t most) {
    const std::string_view whole = text.whole();
    context.step(whole.size() / 1024);
    Values parts;
    std::size_t at = 0;
    const auto skip = [&](bool spaces) {
        while (at < whole.size() && space_at(whole, at) == spaces) at += character_size(whole, at);
    };
    for (skip(true); at < whole.size(); skip(true)) {
        const std::size_t begin = at;
        if (most-- <= 0) {
            const auto rest = stripped(context, Text().append(text, begin), Side::right, std::nullopt);
            parts.push_back(make_text(context, rest));
            break;
        }
        skip(false);
        parts.push_back(part(context, text, begin, at));
    }
    return parts;
}

Values split_from_right(Context& context, const Text& text, std::string_view separator, std::int64_t most) {
    Values parts;
    std::size_t end = text.whole().size();
    for (; most > 0 && end >= separator.size(); --most) {
        context.step(1 + end * (1 + separator.size()) / 4096);
        const auto at = text.whole().rfind(separator, end - separator.size());
        if (at == std::string::npos) break;
        parts.push_back(part(context, text, at + separator.size(), end));
        end = at;
    }
    parts.push_back(part(context, text, 0, end));
    std::reverse(parts.begin(), parts.end());
    return parts;
}

Text replaced(Context& context, const Text& text, std::string_view old, const Text& with, std::int64_t most) {
    if (old.empty()) context.fail("nothing to be replaced", Status::unsupported);
    return joined(context, with, split(context, text, old, most < 0 ? all : most));
}

Text joined(Context& context, const Text& separator, const Values& values) {
    Text whole;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const Text text = print(context, values[i]);
        context.step();
        context.bytes((i > 0 ? separator.whole().size() : 0) + text.whole().size());
        if (i > 0) whole.append(separator);
        whole.append(text);
    }
    return whole;
}

}  // namespace rorqual::prompts::jinja
