#include "text/normalizer.hpp"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <new>

#include "text/unicode.hpp"

namespace rorqual::text {
namespace {

// Characters assigned since Unicode 9.0 that combine (ccc ≠ 0) or take part in a canonical decomposition (UnicodeData.txt
// and DerivedAge.txt of 16.0). Hugging Face `tokenizers` composes by Unicode 9.0, where each of them stands alone and
// nothing is reordered or joined across it; so did the models' training text.
constexpr CodepointRange unknown_to_unicode_9[] = {
    {0x7FD, 0x7FD},
    {0x897, 0x89F},
    {0x8CA, 0x8D3},
    {0x9FE, 0x9FE},
    {0xC3C, 0xC3C},
    {0xD3B, 0xD3C},
    {0xEBA, 0xEBA},
    {0x1715, 0x1715},
    {0x1ABF, 0x1ACE},
    {0x1DF6, 0x1DFA},
    {0xA82C, 0xA82C},
    {0x105C9, 0x105C9},
    {0x105D2, 0x105D2},
    {0x105DA, 0x105DA},
    {0x105E4, 0x105E4},
    {0x10D24, 0x10D27},
    {0x10D69, 0x10D6D},
    {0x10EAB, 0x10EAC},
    {0x10EFD, 0x10EFF},
    {0x10F46, 0x10F50},
    {0x10F82, 0x10F85},
    {0x11070, 0x11070},
    {0x1133B, 0x1133B},
    {0x11382, 0x11385},
    {0x1138B, 0x1138B},
    {0x1138E, 0x1138E},
    {0x11390, 0x11391},
    {0x113B8, 0x113B8},
    {0x113BB, 0x113BB},
    {0x113C2, 0x113C2},
    {0x113C5, 0x113C5},
    {0x113C7, 0x113C9},
    {0x113CE, 0x113D0},
    {0x1145E, 0x1145E},
    {0x11839, 0x1183A},
    {0x11930, 0x11930},
    {0x11935, 0x11935},
    {0x11938, 0x11938},
    {0x1193D, 0x1193E},
    {0x11943, 0x11943},
    {0x119E0, 0x119E0},
    {0x11A34, 0x11A34},
    {0x11A47, 0x11A47},
    {0x11A99, 0x11A99},
    {0x11D42, 0x11D42},
    {0x11D44, 0x11D45},
    {0x11D97, 0x11D97},
    {0x11F41, 0x11F42},
    {0x1611E, 0x16129},
    {0x1612F, 0x1612F},
    {0x16D63, 0x16D63},
    {0x16D67, 0x16D6A},
    {0x16FF0, 0x16FF1},
    {0x1E08F, 0x1E08F},
    {0x1E130, 0x1E136},
    {0x1E2AE, 0x1E2AE},
    {0x1E2EC, 0x1E2EF},
    {0x1E4EC, 0x1E4EF},
    {0x1E5EE, 0x1E5EF},
};

bool stands_alone(char32_t codepoint) {
    const auto* range = std::lower_bound(std::begin(unknown_to_unicode_9), std::end(unknown_to_unicode_9), codepoint,
                                         [](CodepointRange r, char32_t c) { return r.last < c; });
    return range != std::end(unknown_to_unicode_9) && range->first <= codepoint;
}

// Nothing below U+0300 composes or decomposes under NFC, and U+0300 begins with byte 0xCC.
bool is_surely_composed(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
}

struct Free {
    void operator()(utf8proc_uint8_t* pointer) const noexcept { std::free(pointer); }
};

void append_composed(std::string& out, std::string_view text) {
    if (is_surely_composed(text)) {
        out += text;
        return;
    }
    utf8proc_uint8_t* raw = nullptr;
    // The text is valid UTF-8, so the only thing that can fail is the allocation.
    const auto length = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                                     &raw, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    const std::unique_ptr<utf8proc_uint8_t, Free> composed(raw);
    if (length < 0) throw std::bad_alloc();
    out.append(reinterpret_cast<const char*>(composed.get()), static_cast<std::size_t>(length));
}

}  // namespace

std::string_view normalized(Normalization form, std::string_view text, std::string& storage) {
    if (form == Normalization::none || is_surely_composed(text)) return text;
    storage.clear();
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const Codepoint next = codepoint_at(text.data() + at);
        if (stands_alone(next.value)) {
            append_composed(storage, text.substr(begin, at - begin));
            storage += text.substr(at, next.length);
            begin = at + next.length;
        }
        at += next.length;
    }
    append_composed(storage, text.substr(begin));
    return storage;
}

}  // namespace rorqual::text
