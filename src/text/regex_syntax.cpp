#include "text/regex_syntax.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "rorqual/error.hpp"
#include "text/regex.hpp"
#include "text/unicode.hpp"

namespace rorqual::text {
namespace {

constexpr std::size_t longest_pattern = 4096;  // published ones have a few hundred bytes

constexpr auto general_categories = std::to_array<std::string_view>({"C", "Cc", "Cf", "Cn", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No",
                                                                     "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs"});
constexpr auto scripts = std::to_array<std::string_view>(
    {"Arabic", "Cyrillic", "Devanagari", "Greek", "Han", "Hangul", "Hebrew", "Hiragana", "Katakana", "Latin", "Thai"});

template <std::size_t n>
bool contains(const std::array<std::string_view, n>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string codepoint_escape(char32_t codepoint) {
    char digits[8];
    const auto end = std::to_chars(digits, digits + sizeof digits, static_cast<std::uint32_t>(codepoint), 16).ptr;
    return "\\x{" + std::string(digits, end) + "}";
}

std::string class_members(std::span<const CodepointRange> ranges) {
    std::string out;
    for (const CodepointRange range : ranges) {
        out += codepoint_escape(range.first);
        if (range.first == range.last) continue;
        out += '-';
        out += codepoint_escape(range.last);
    }
    return out;
}

// Everything outside sorted ranges.
std::vector<CodepointRange> complement(std::span<const CodepointRange> ranges) {
    std::vector<CodepointRange> out;
    char32_t next = 0;
    for (const CodepointRange range : ranges) {
        if (next < range.first) out.push_back({next, range.first - 1});
        next = range.last + 1;
    }
    if (next <= 0x10FFFF) out.push_back({next, 0x10FFFF});
    return out;
}

// Oniguruma's RE document (its doc/RE) read from left to right; PCRE2's pcre2pattern(3) written.
class Translator {
 public:
    Translator(std::string_view pattern, const std::string& key) : pattern_(pattern), key_(key) {}

    std::string run() {
        if (pattern_.size() > longest_pattern) refuse("patterns longer than 4096 bytes");
        while (!at_end()) {
            switch (peek()) {
                case '\\': escape_outside(); break;
                case '[': character_class(); break;
                case '(': group(); break;
                case '*':
                case '+':
                case '?': quantifier(); break;
                case '{': interval(); break;
                default: out_ += take();
            }
        }
        return std::move(out_);
    }

 private:
    [[nodiscard]] bool at_end() const { return at_ == pattern_.size(); }
    [[nodiscard]] char peek() const { return at_end() ? '\0' : pattern_[at_]; }
    [[nodiscard]] bool next_is(std::string_view text) const { return pattern_.substr(at_).starts_with(text); }

    char take() {
        if (at_end()) refuse("patterns that end early");
        return pattern_[at_++];
    }

    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(Status::unsupported, key_ + ": offset " + std::to_string(at_) + " of the pattern: " + what + " are not supported");
    }

    void group() {
        static constexpr auto openings = std::to_array<std::string_view>({"(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"});
        const auto opening = std::find_if(openings.begin(), openings.end(), [&](auto text) { return next_is(text); });
        if (opening != openings.end()) {
            out_ += *opening;
            at_ += opening->size();
        } else if (next_is("(?") || next_is("(*")) {
            refuse("groups of this kind");
        } else {
            out_ += take();
        }
    }

    // *, + or ?, then ? for as few as possible or + for never giving back.
    void quantifier() {
        out_ += take();
        if (peek() == '?' || peek() == '+') out_ += take();
        refuse_second_quantifier();
    }

    void interval() {
        const std::size_t close = pattern_.find('}', at_);
        if (close == std::string_view::npos) refuse("braces that are no {n}, {n,} or {n,m}");
        const std::string_view text = pattern_.substr(at_, close + 1 - at_);
        const std::size_t comma = text.find(',');
        const auto digits = [](std::string_view part) {
            return std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
        };
        const std::string_view first = text.substr(1, std::min(comma, text.size() - 1) - 1);
        const std::string_view second = comma == std::string_view::npos ? "" : text.substr(comma + 1, text.size() - comma - 2);
        if (first.empty() || !digits(first) || !digits(second)) refuse("braces that are no {n}, {n,} or {n,m}");
        out_ += text;
        at_ = close + 1;
        refuse_second_quantifier();  // after braces, ? and + mean different things to the two engines
    }

    void refuse_second_quantifier() const {
        if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') refuse("quantifiers of quantifiers");
    }

    // An escape, read: one character, or members of a class.
    struct Escape {
        std::optional<char32_t> character;
        std::string members;  // to stand between brackets
    };

    Escape escape() {
        take();
        const char c = take();
        switch (c) {
            case 'n': return {'\n', {}};
            case 'r': return {'\r', {}};
            case 't': return {'\t', {}};
            case 'f': return {'\f', {}};
            case 'v': return {'\v', {}};
            case 's': return {std::nullopt, class_members(white_space())};
            case 'S': return {std::nullopt, class_members(complement(white_space()))};
            case 'd': return {std::nullopt, "\\p{Nd}"};
            case 'D': return {std::nullopt, "\\P{Nd}"};
            case 'p': return property(false);
            case 'P': return property(true);
            case 'x': return {hexadecimal_after_x(), {}};
            case 'u': return {hexadecimal(pattern_.substr(at_, 4), 4), {}};
            default: break;
        }
        const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (alphanumeric || static_cast<unsigned char>(c) >= 0x80) {
            --at_;
            refuse("escapes of this kind");
        }
        return {static_cast<char32_t>(c), {}};
    }

    char32_t hexadecimal_after_x() {
        if (peek() == '{') {
            ++at_;
            const std::string_view digits = pattern_.substr(at_, pattern_.find('}', at_) - at_);
            const char32_t value = hexadecimal(digits, digits.size());
            if (take() != '}') refuse("code points without a closing brace");
            return value;
        }
        const char32_t value = hexadecimal(pattern_.substr(at_, 2), 2);
        if (value > 0x7F) refuse("single bytes of a character");  // \xE9 is a byte to Oniguruma, a code point to PCRE2
        return value;
    }

    char32_t hexadecimal(std::string_view digits, std::size_t length) {
        std::uint32_t value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        const bool whole = error == std::errc() && end == digits.data() + length && digits.size() == length;
        if (!whole || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) refuse("code points like this");
        at_ += length;
        return value;
    }

    Escape property(bool negated) {
        if (take() != '{') refuse("properties without braces");
        if (peek() == '^') {
            negated = !negated;
            ++at_;
        }
        const std::size_t close = pattern_.find('}', at_);
        if (close == std::string_view::npos) refuse("properties without a closing brace");
        const std::string name(pattern_.substr(at_, close - at_));
        const bool is_script = contains(scripts, name);
        if (!is_script && !contains(general_categories, name)) refuse("properties other than general categories and some scripts");
        at_ = close + 1;

        if (name.size() == 1 && std::string_view("LMNPS").find(name) != std::string_view::npos) {
            const auto category = static_cast<Category>(name.front());
            if (negated) return {std::nullopt, class_members(complement(ranges_of(category)))};
            // Finding out what PCRE2 lacks takes a millisecond or two: once a category.
            auto& members = category_members_[category];
            if (members.empty()) members = "\\p{" + name + "}" + class_members(unknown_to_pcre2(category));
            return {std::nullopt, members};
        }
        return {std::nullopt, (negated ? "\\P{" : "\\p{") + (is_script ? "sc:" + name : name) + "}"};
    }

    void escape_outside() {
        if (next_is("\\A") || next_is("\\z")) {
            out_ += take();
            out_ += take();
            return;
        }
        const Escape found = escape();
        out_ += found.character ? codepoint_escape(*found.character) : "[" + found.members + "]";
    }

    // Members are characters, ranges and sets. Only a hyphen between two characters makes a range; every other one, and all
    // that PCRE2 might read as syntax, is written as a code point.
    void character_class() {
        out_ += take();
        if (peek() == '^') out_ += take();
        if (peek() == ']') refuse("classes that begin with a bracket");
        bool range_may_follow = false;
        while (peek() != ']') {
            if (peek() == '[' || next_is("&&")) refuse("nested and intersected classes");
            if (peek() == '-' && range_may_follow && !next_is("-]")) {
                out_ += take();
                if (peek() == '[' || next_is("&&")) refuse("nested and intersected classes");
                if (!member()) refuse("ranges that end in a set");
                range_may_follow = false;
                continue;
            }
            range_may_follow = member();
        }
        out_ += take();
    }

    // One member of a class; true if it was a character, which may begin a range.
    bool member() {
        if (peek() == '\\') {
            const Escape found = escape();
            out_ += found.character ? codepoint_escape(*found.character) : found.members;
            return found.character.has_value();
        }
        if (at_end()) refuse("classes without a closing bracket");
        const Codepoint next = codepoint_at(pattern_.data() + at_);
        at_ += next.length;
        out_ += codepoint_escape(next.value);
        return true;
    }

    std::string_view pattern_;
    const std::string& key_;
    std::size_t at_ = 0;
    std::string out_;
    std::map<Category, std::string> category_members_;
};

}  // namespace

std::string pcre2_from_oniguruma(std::string_view pattern, const std::string& key) { return Translator(pattern, key).run(); }

}  // namespace rorqual::text
