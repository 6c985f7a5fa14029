#include "grammar/json_rules.hpp"

#include <algorithm>
#include <utility>

#include "text/utf8.hpp"

namespace rorqual::grammar {
namespace {

/// What a string holds as it is: no quotation mark, backslash or control character.
std::vector<CodeRange> plain_characters() { return complement({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}, {0x7f, 0x7f}}); }

constexpr std::uint32_t most_digits = 20;

std::uint64_t magnitude(std::int64_t n) noexcept { return n < 0 ? ~static_cast<std::uint64_t>(n) + 1 : static_cast<std::uint64_t>(n); }

}  // namespace

JsonRules::JsonRules(Rules& rules) : rules_(rules), space_(rules.declare("space")), character_(rules.declare("character")), number_(rules.declare("number")), value_(rules.declare("value")) {
    constexpr std::uint32_t most_indentation = 32;
    const auto hex = [&](std::vector<CodeRange> ranges) { return rules.characters(std::move(ranges)); };
    const auto any_hex = [&] { return hex({{'0', '9'}, {'a', 'f'}, {'A', 'F'}}); };
    rules.define(space_, rules.choice({rules.text(""), rules.text(" "), rules.sequence({rules.text("\n"), rules.repeat(rules.characters({{' ', ' '}, {'\t', '\t'}}), 0, most_indentation)})}));
    // \u and four digits, but no half of a surrogate pair.
    const Index code = rules.choice({rules.sequence({hex({{'0', '9'}, {'a', 'c'}, {'A', 'C'}, {'e', 'f'}, {'E', 'F'}}), rules.repeat(any_hex(), 3, 3)}),
                                     rules.sequence({hex({{'d', 'd'}, {'D', 'D'}}), hex({{'0', '7'}}), rules.repeat(any_hex(), 2, 2)})});
    const Index escape = rules.choice({rules.characters({{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}}), rules.sequence({rules.text("u"), code})});
    rules.define(character_, rules.choice({rules.characters(plain_characters()), rules.sequence({rules.text("\\"), escape})}));
    const Index fraction = rules.sequence({rules.text("."), digits(1, most_digits)});
    const Index exponent = rules.sequence({rules.characters({{'e', 'e'}, {'E', 'E'}}), rules.optional(rules.characters({{'+', '+'}, {'-', '-'}})), digits(1, 2)});
    rules.define(number_, rules.sequence({integer(), rules.optional(fraction), rules.optional(exponent)}));
    const auto several = [&](Index one) { return rules.optional(rules.sequence({one, rules.repeat(rules.sequence({comma(), one}), 0)})); };
    rules.define(value_, rules.choice({string(), number(), boolean(), null(), list("[", several(value()), "]"), list("{", several(rules.sequence({string(), colon(), value()})), "}")}));
}

Index JsonRules::string(std::uint32_t least, std::uint32_t most) {
    return rules_.sequence({rules_.text("\""), rules_.repeat(rules_.call(character_), least, most), rules_.text("\"")});
}

Index JsonRules::other_name(std::vector<std::string> names) {
    std::ranges::sort(names);
    return rules_.sequence({rules_.text("\""), none_of(names, 0), rules_.text("\"")});
}

// What differs from all of `names`, sorted, which have their first `from` bytes in common: branches where they do.
Index JsonRules::none_of(std::span<const std::string> names, std::size_t from) {
    std::vector<Index> ways;
    std::vector<CodeRange> others = {{0, 0x1f}, {'"', '"'}, {'\\', '\\'}, {0x7f, 0x7f}};
    const bool taken = !names.empty() && names.front().size() == from;
    if (taken)
        names = names.subspan(1);
    else
        ways.push_back(rules_.text(""));
    while (!names.empty()) {
        const auto read = text::codepoint_at(names.front().data() + from);
        const std::string_view head(names.front().data() + from, read.length);
        const auto same = static_cast<std::size_t>(std::ranges::find_if(names, [&](const std::string& name) { return std::string_view(name).substr(from, head.size()) != head; }) - names.begin());
        ways.push_back(rules_.sequence({rules_.text(head), none_of(names.first(same), from + read.length)}));
        others.push_back({read.value, read.value});
        names = names.subspan(same);
    }
    ways.push_back(rules_.sequence({rules_.characters(complement(std::move(others))), rules_.repeat(rules_.characters(plain_characters()), 0)}));
    return rules_.choice(std::move(ways));
}

Index JsonRules::digit(char first, char last) { return rules_.characters({{static_cast<char32_t>(first), static_cast<char32_t>(last)}}); }
Index JsonRules::digits(std::uint32_t least, std::uint32_t most) { return rules_.repeat(digit('0', '9'), least, most); }

Index JsonRules::integer(std::optional<std::int64_t> least, std::optional<std::int64_t> most) {
    if (!least && !most) return rules_.sequence({rules_.optional(rules_.text("-")), rules_.choice({rules_.text("0"), rules_.sequence({digit('1', '9'), digits(0, most_digits - 1)})})});
    std::vector<Index> ways;
    if (!least || *least < 0) {  // "-" and a magnitude
        const std::uint64_t nearest = !most || *most >= 0 ? 1 : magnitude(*most);
        ways.push_back(rules_.sequence({rules_.text("-"), least ? between(nearest, magnitude(*least)) : at_least(nearest)}));
    }
    if (!most || *most >= 0) {
        const std::uint64_t smallest = !least || *least < 0 ? 0 : magnitude(*least);
        ways.push_back(most ? between(smallest, magnitude(*most)) : at_least(smallest));
    }
    return rules_.choice(std::move(ways));
}

Index JsonRules::at_least(std::uint64_t least) {
    const std::string text = std::to_string(least);
    const auto length = static_cast<std::uint32_t>(text.size());
    return rules_.choice({same_length(text, std::string(length, '9')), rules_.sequence({digit('1', '9'), digits(length, most_digits - 1)})});
}

Index JsonRules::between(std::uint64_t least, std::uint64_t most) {
    std::vector<Index> ways;
    std::string from = std::to_string(least);
    const std::string to = std::to_string(most);
    for (; from.size() < to.size(); from = '1' + std::string(from.size(), '0')) ways.push_back(same_length(from, std::string(from.size(), '9')));
    ways.push_back(same_length(from, to));
    return rules_.choice(std::move(ways));
}

// Numbers from least to most, which have as many digits.
Index JsonRules::same_length(const std::string& least, const std::string& most) {
    if (least.empty()) return rules_.text("");
    const std::string low = least.substr(1), high = most.substr(1), zeros(low.size(), '0'), nines(low.size(), '9');
    if (least[0] == most[0]) return rules_.sequence({rules_.text(least.substr(0, 1)), same_length(low, high)});
    std::vector<Index> ways;
    char first = least[0], last = most[0];
    if (low != zeros) ways.push_back(rules_.sequence({digit(first, first), same_length(low, nines)})), ++first;
    if (high != nines) ways.push_back(rules_.sequence({digit(last, last), same_length(zeros, high)})), --last;
    if (first <= last) ways.push_back(rules_.sequence({digit(first, last), digits(static_cast<std::uint32_t>(low.size()), static_cast<std::uint32_t>(low.size()))}));
    return rules_.choice(std::move(ways));
}

}  // namespace rorqual::grammar
