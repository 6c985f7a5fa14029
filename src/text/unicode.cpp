#include "text/unicode.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace rorqual::text {
namespace {

#include "text/unicode_categories.inc"

// Unicode 16.0, PropList.txt, White_Space.
constexpr CodepointRange space[] = {
    {0x09, 0x0D},
    {0x20, 0x20},
    {0x85, 0x85},
    {0xA0, 0xA0},
    {0x1680, 0x1680},
    {0x2000, 0x200A},
    {0x2028, 0x2029},
    {0x202F, 0x202F},
    {0x205F, 0x205F},
    {0x3000, 0x3000},
};

}  // namespace

std::span<const CodepointRange> ranges_of(Category category) noexcept {
    switch (category) {
        case Category::letter: return letter;
        case Category::mark: return mark;
        case Category::number: return number;
        case Category::punctuation: return punctuation;
        case Category::symbol: return symbol;
    }
    return {};
}

std::span<const CodepointRange> white_space() noexcept { return space; }

CharacterSets::CharacterSets(std::span<const Set> sets) {
    std::vector<std::uint8_t> flat(codepoints, 0);
    for (const Set& set : sets) {
        for (const CodepointRange range : set.ranges) {
            for (char32_t codepoint = range.first; codepoint <= range.last; ++codepoint) flat[codepoint] |= set.bit;
        }
    }
    std::copy_n(flat.begin(), ascii_.size(), ascii_.begin());

    std::map<std::string_view, std::uint16_t> known;
    for (std::size_t page = 0; page < page_.size(); ++page) {
        const auto* bits = flat.data() + page * page_size;
        const auto [entry, is_new] = known.try_emplace(std::string_view(reinterpret_cast<const char*>(bits), page_size),
                                                       static_cast<std::uint16_t>(known.size()));
        if (is_new) pages_.insert(pages_.end(), bits, bits + page_size);
        page_[page] = entry->second;
    }
}

}  // namespace rorqual::text
