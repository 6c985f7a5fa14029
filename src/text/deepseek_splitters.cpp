#include "text/deepseek_splitters.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/unicode.hpp"

namespace rorqual::text {
namespace {

// The characters that the patterns name by range, in the patterns' order. As numbers: some of them change when an editor
// normalises text (U+1F7D becomes U+03CE).
constexpr CodepointRange newlines[] = {{'\r', '\r'}, {'\n', '\n'}};
constexpr CodepointRange kana_and_han[] = {{0x4E00, 0x9FA5}, {0x3040, 0x309F}, {0x30A0, 0x30FF}};
constexpr CodepointRange western_and_full_width_marks[] = {{0x21, 0x2F}, {0x3A, 0x7E}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}, {0x2018, 0x201F}, {0x3000, 0x3002}};
constexpr CodepointRange east_asian[] = {{0x4E00, 0x9FA5}, {0x800, 0x4E00}, {0xAC00, 0xD7FF}};
constexpr CodepointRange cased_letters[] = {
    {0x41, 0x5A},
    {0x61, 0x7A},
    {0xB5, 0xB5},
    {0xC0, 0xD6},
    {0xD8, 0xF6},
    {0xF8, 0x1BA},
    {0x1BC, 0x1BF},
    {0x1C4, 0x293},
    {0x295, 0x2AF},
    {0x370, 0x373},
    {0x376, 0x376},
    {0x377, 0x377},
    {0x37B, 0x37D},
    {0x37F, 0x37F},
    {0x386, 0x386},
    {0x388, 0x38A},
    {0x38C, 0x38C},
    {0x38E, 0x3A1},
    {0x3A3, 0x3F5},
    {0x3F7, 0x481},
    {0x48A, 0x52F},
    {0x531, 0x556},
    {0x10A0, 0x10C5},
    {0x13A0, 0x13F5},
    {0x13F8, 0x13FD},
    {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF},
    {0x1D00, 0x1D2B},
    {0x1D6B, 0x1D77},
    {0x1D79, 0x1D9A},
    {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D},
    {0x1F20, 0x1F45},
    {0x1F48, 0x1F4D},
    {0x1F50, 0x1F57},
    {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B},
    {0x1F5D, 0x1F5D},
    {0x1F5F, 0x1F7D},
    {0x1F80, 0x1FB4},
    {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE},
    {0x1FC2, 0x1FC4},
    {0x1FC6, 0x1FCC},
    {0x1FD0, 0x1FD3},
    {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC},
    {0x1FF2, 0x1FF4},
    {0x1FF6, 0x1FFC},
    {0x2102, 0x2102},
    {0x2107, 0x2107},
    {0x210A, 0x2113},
    {0x2115, 0x2115},
    {0x2119, 0x211D},
    {0x2124, 0x2124},
    {0x2126, 0x2126},
    {0x2128, 0x2128},
    {0x212A, 0x212D},
    {0x212F, 0x2134},
    {0x2139, 0x2139},
    {0x213C, 0x213F},
    {0x2145, 0x2149},
    {0x214E, 0x214E},
    {0x2183, 0x2183},
    {0x2184, 0x2184},
    {0x2C00, 0x2C7B},
    {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE},
    {0x2CF2, 0x2CF2},
    {0x2CF3, 0x2CF3},
    {0xA640, 0xA66D},
    {0xA680, 0xA69B},
    {0xA722, 0xA76F},
    {0xA771, 0xA787},
    {0xA78B, 0xA78E},
    {0xAB70, 0xABBF},
    {0xFB00, 0xFB06},
    {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A},
    {0xFF41, 0xFF5A},
    {0x10400, 0x1044F},
    {0x104B0, 0x104D3},
    {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2},
    {0x10CC0, 0x10CF2},
    {0x118A0, 0x118DF},
    {0x1E900, 0x1E943},
};

using Bits = std::uint8_t;

bool is_ascii_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }
bool is_ascii_mark(char c) { return c > ' ' && c < 0x7F && !is_ascii_letter(c) && !(c >= '0' && c <= '9'); }

std::vector<CodepointRange> copy(std::span<const CodepointRange> ranges) { return {ranges.begin(), ranges.end()}; }

std::vector<CodepointRange> categories(std::initializer_list<Category> list) {
    std::vector<CodepointRange> all;
    for (const Category category : list) all.insert(all.end(), ranges_of(category).begin(), ranges_of(category).end());
    return all;
}

// Looks at the characters of a piece, one after the other. Nothing, or a character of `stop`, is where the piece ends.
class Reader {
 public:
    struct Character {
        Bits bits;
        std::uint8_t length;
    };
    static constexpr Bits end = 0x80;

    Reader(const CharacterSets& sets, std::string_view piece, Bits stop = 0)
        : sets_(sets), end_(piece.data() + piece.size()), stop_(stop) {}

    [[nodiscard]] Character at(const char* p) const noexcept {
        if (p == end_) return {end, 0};
        Character found{};
        if (static_cast<unsigned char>(*p) < 0x80) {
            found = {sets_.of_ascii(static_cast<unsigned char>(*p)), 1};
        } else {
            const Codepoint next = codepoint_at(p);
            found = {sets_.of(next.value), static_cast<std::uint8_t>(next.length)};
        }
        return (found.bits & stop_) != 0 ? Character{end, 0} : found;
    }

    // Behind the longest run of characters in any of `wanted`, at p or further.
    [[nodiscard]] const char* behind_run(const char* p, Bits wanted) const noexcept {
        for (Character c = at(p); (c.bits & wanted) != 0; c = at(p)) p += c.length;
        return p;
    }
    [[nodiscard]] const char* behind_ascii_letters(const char* p) const noexcept {
        while (p != end_ && is_ascii_letter(*p)) ++p;
        return p;
    }

 private:
    const CharacterSets& sets_;
    const char* end_;
    Bits stop_;
};

std::string_view between(const char* first, const char* last) { return {first, static_cast<std::size_t>(last - first)}; }

// Three patterns in turn: groups of up to three digits, runs of kana and Han, and then words. The first two find disjoint
// sets of characters, so one pass does all three: to the third pattern, such a character is the end of its piece.
class DeepSeekV3 final : public Splitter {
 public:
    DeepSeekV3() : sets_(std::array<CharacterSets::Set, 7>{{
                       {letter, copy(ranges_of(Category::letter))},
                       {mark, copy(ranges_of(Category::mark))},
                       {number, copy(ranges_of(Category::number))},
                       {sign, categories({Category::punctuation, Category::symbol})},
                       {space, copy(white_space())},
                       {newline, copy(newlines)},
                       {kana_or_han, copy(kana_and_han)},
                   }}) {}

    void split(std::string_view piece, PieceSink out) const override {
        const Reader reader(sets_, piece);
        const Reader word_reader(sets_, piece, number | kana_or_han);
        const char* const end = piece.data() + piece.size();
        for (const char* p = piece.data(); p != end;) {
            const Bits bits = reader.at(p).bits;
            const char* behind = p;
            if ((bits & number) != 0) {
                for (int i = 0; i < 3; ++i) {
                    if (const auto digit = reader.at(behind); (digit.bits & number) != 0) behind += digit.length;
                }
                out(between(p, behind));
            } else if ((bits & kana_or_han) != 0) {
                // Not all of these blocks are letters ("・" is none): the third pattern divides the run.
                behind = reader.behind_run(p, kana_or_han);
                split_words(Reader(sets_, between(p, behind)), p, out);
            } else {
                behind = split_words(word_reader, p, out);
            }
            p = behind;
        }
    }

 private:
    static constexpr Bits letter = 1, mark = 2, number = 4, sign = 8, space = 16, newline = 32, kana_or_han = 64;

    // The matches of the third pattern and the gaps between them, until the piece ends; returns where.
    static const char* split_words(const Reader& reader, const char* p, PieceSink out) {
        const char* gap = p;
        for (;;) {
            const auto character = reader.at(p);
            const bool at_end = (character.bits & Reader::end) != 0;
            const char* const behind = at_end ? p : behind_word(reader, p, character);
            if (behind == p && !at_end) {
                p += character.length;
                continue;
            }
            if (gap != p) out(between(gap, p));
            if (at_end) return p;
            out(between(p, behind));
            p = gap = behind;
        }
    }

    // Behind the match of the third pattern that begins with the character at p; p if there is none. One alternative after
    // the other, in the pattern's order.
    static const char* behind_word(const Reader& reader, const char* p, Reader::Character first) {
        const char* const second = p + first.length;

        // [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+
        if (is_ascii_mark(*p)) {
            if (const char* behind = reader.behind_ascii_letters(second); behind != second) return behind;
        }
        // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
        if ((first.bits & (letter | mark)) != 0) return reader.behind_run(second, letter | mark);
        if ((first.bits & (newline | sign)) == 0) {
            if (const char* behind = reader.behind_run(second, letter | mark); behind != second) return behind;
        }
        //  ?[\p{P}\p{S}]+[\r\n]*
        const char* const signs = *p == ' ' ? second : p;
        if (const char* behind = reader.behind_run(signs, sign); behind != signs) return reader.behind_run(behind, newline);

        return (first.bits & space) != 0 ? behind_space(reader, p) : p;
    }

    // \s*[\r\n]+|\s+(?!\S)|\s+
    static const char* behind_space(const Reader& reader, const char* p) {
        const char* behind_newline = nullptr;
        const char* last = p;
        const char* behind = p;
        auto next = reader.at(behind);
        for (; (next.bits & space) != 0; next = reader.at(behind)) {
            last = behind;
            behind += next.length;
            if ((next.bits & newline) != 0) behind_newline = behind;
        }
        if (behind_newline != nullptr) return behind_newline;
        // The lookahead gives the last space back when a word follows.
        const bool at_end = (next.bits & Reader::end) != 0;
        return at_end || last == p ? behind : last;
    }

    CharacterSets sets_;
};

// Six steps in turn, each on what the one before left. The ranges overlap (U+3000 is a space, a mark and in the East Asian
// range), so the steps stay six; each is linear.
class DeepSeekV2 final : public Splitter {
 public:
    DeepSeekV2() : sets_(std::array<CharacterSets::Set, 5>{{
                       {cased, copy(cased_letters)},
                       {mark, copy(western_and_full_width_marks)},
                       {space, copy(white_space())},
                       {asian, copy(east_asian)},
                       {number, copy(ranges_of(Category::number))},
                   }}) {}

    void split(std::string_view piece, PieceSink out) const override {
        const auto digits = [&](std::string_view part) { divide(part, single<number>, out); };
        const auto asian_runs = [&](std::string_view part) { divide(part, run<asian>, digits); };
        const auto last_spaces = [&](std::string_view part) { split_last_spaces(part, asian_runs); };
        const auto marks = [&](std::string_view part) {
            is_ascii_word(part) ? out(part) : divide(part, run_after_space<mark>, last_spaces);
        };
        const auto words = [&](std::string_view part) { divide(part, run_after_space<cased>, marks); };
        // [\r\n]: a line end is one byte, and no later step divides it.
        const char* const end = piece.data() + piece.size();
        const char* line = piece.data();
        for (const char* p = line; p != end; ++p) {
            if (*p != '\r' && *p != '\n') continue;
            if (line != p) words(between(line, p));
            out(between(p, p + 1));
            line = p + 1;
        }
        if (line != end) words(between(line, end));
    }

 private:
    static constexpr Bits cased = 1, mark = 2, space = 4, asian = 8, number = 16;

    // " word" and "word", which no later step divides: most of what there is.
    static bool is_ascii_word(std::string_view part) {
        part.remove_prefix(part.front() == ' ' ? 1 : 0);
        return !part.empty() && std::all_of(part.begin(), part.end(), is_ascii_letter);
    }

    // Each of these gives the end of its match that begins with the character at p; p if there is none.
    template <Bits wanted>  // [wanted]
    static const char* single(const Reader&, const char* p, Reader::Character first) {
        return (first.bits & wanted) != 0 ? p + first.length : p;
    }
    template <Bits wanted>  // [wanted]+
    static const char* run(const Reader& reader, const char* p, Reader::Character first) {
        return (first.bits & wanted) != 0 ? reader.behind_run(p + first.length, wanted) : p;
    }
    template <Bits wanted>  // \s?[wanted]+
    static const char* run_after_space(const Reader& reader, const char* p, Reader::Character first) {
        if ((first.bits & space) != 0) {
            const char* const second = p + first.length;
            if (const char* behind = reader.behind_run(second, wanted); behind != second) return behind;
        }
        return run<wanted>(reader, p, first);
    }

    // Gives the matches and the gaps between them to the next step.
    template <class Match, class Next>
    void divide(std::string_view part, Match match, const Next& next) const {
        const Reader reader(sets_, part);
        const char* const end = part.data() + part.size();
        const char* gap = part.data();
        for (const char* p = gap; p != end;) {
            const auto character = reader.at(p);
            const char* const behind = match(reader, p, character);
            if (behind == p) {
                p += character.length;
                continue;
            }
            if (gap != p) next(between(gap, p));
            next(between(p, behind));
            p = gap = behind;
        }
        if (gap != end) next(between(gap, end));
    }

    // \s+$
    template <class Next>
    void split_last_spaces(std::string_view part, const Next& next) const {
        const Reader reader(sets_, part);
        const char* const begin = part.data();
        const char* const end = begin + part.size();
        const char* spaces = end;
        while (spaces != begin) {
            const char* p = spaces - 1;
            while (p != begin && (static_cast<unsigned char>(*p) & 0xC0) == 0x80) --p;
            if ((reader.at(p).bits & space) == 0) break;
            spaces = p;
        }
        if (begin != spaces) next(between(begin, spaces));
        if (spaces != end) next(between(spaces, end));
    }

    CharacterSets sets_;
};

// The character class of these ranges as files write it.
std::string any_of(std::span<const CodepointRange> ranges) {
    std::string out = "[";
    for (const CodepointRange range : ranges) {
        append_utf8(out, range.first);
        if (range.first == range.last) continue;
        out += '-';
        append_utf8(out, range.last);
    }
    return out + "]";
}

SplitStep regex(std::string pattern) { return {SplitStep::Kind::regex, std::move(pattern), "published pattern"}; }

std::string with_newlines_escaped(const std::string& pattern) {
    std::string out;
    for (const char c : pattern) {
        if (c == '\r') {
            out += "\\r";
        } else if (c == '\n') {
            out += "\\n";
        } else {
            out += c;
        }
    }
    return out;
}

}  // namespace

bool same_steps(std::span<const SplitStep> a, std::span<const SplitStep> b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const SplitStep& one, const SplitStep& other) {
        return one.kind == other.kind && with_newlines_escaped(one.pattern) == with_newlines_escaped(other.pattern);
    });
}

std::span<const SplitStep> deepseek_v3_steps() {
    static const std::vector<SplitStep> steps{
        regex(R"(\p{N}{1,3})"),
        regex(any_of(kana_and_han) + "+"),
        regex(R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*)"
              R"(|\s*[\r\n]+|\s+(?!\S)|\s+)"),
    };
    return steps;
}

std::span<const SplitStep> deepseek_v2_steps() {
    static const std::vector<SplitStep> steps{
        regex(R"([\r\n])"),
        regex(R"(\s?)" + any_of(cased_letters) + "+"),
        regex(R"(\s?)" + any_of(western_and_full_width_marks) + "+"),
        regex(R"(\s+$)"),
        regex(any_of(east_asian) + "+"),
        {SplitStep::Kind::each_digit, "", "published step"},
    };
    return steps;
}

std::unique_ptr<Splitter> hand_written_splitter(std::span<const SplitStep> steps) {
    if (same_steps(steps, deepseek_v3_steps())) return std::make_unique<DeepSeekV3>();
    if (same_steps(steps, deepseek_v2_steps())) return std::make_unique<DeepSeekV2>();
    return nullptr;
}

}  // namespace rorqual::text
