#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "text/utf8.hpp"

namespace rorqual::text {

/// Code points from first to last, both inside.
struct CodepointRange {
    char32_t first;
    char32_t last;
};

/// General categories of Unicode 16.0 by their first letter, independent of what the machine's libraries know.
enum class Category : char { letter = 'L',
                             mark = 'M',
                             number = 'N',
                             punctuation = 'P',
                             symbol = 'S' };

[[nodiscard]] std::span<const CodepointRange> ranges_of(Category category) noexcept;

/// White_Space: what \s means in a splitting pattern. (PCRE2's own \s has U+180E as well.)
[[nodiscard]] std::span<const CodepointRange> white_space() noexcept;

/// Eight sets of code points, one a bit: the alphabet of a hand-written matcher. Two table look-ups a character.
class CharacterSets {
 public:
    struct Set {
        std::uint8_t bit;
        std::vector<CodepointRange> ranges;
    };
    explicit CharacterSets(std::span<const Set> sets);

    /// The bits of all sets that contain the code point.
    [[nodiscard]] std::uint8_t of(char32_t codepoint) const noexcept {
        return pages_[static_cast<std::size_t>(page_[codepoint / page_size]) * page_size + codepoint % page_size];
    }
    [[nodiscard]] std::uint8_t of_ascii(unsigned char byte) const noexcept { return ascii_[byte]; }

 private:
    static constexpr std::size_t page_size = 256;
    static constexpr std::size_t codepoints = 0x110000;

    std::array<std::uint8_t, 128> ascii_{};
    std::array<std::uint16_t, codepoints / page_size> page_{};  // equal pages are stored once
    std::vector<std::uint8_t> pages_;
};

}  // namespace rorqual::text
