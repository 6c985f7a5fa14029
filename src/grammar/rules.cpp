#include "grammar/rules.hpp"

#include <algorithm>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::grammar {

std::vector<CodeRange> complement(std::vector<CodeRange> ranges) {
    constexpr CodeRange surrogates{0xd800, 0xdfff};
    constexpr char32_t last = 0x10ffff;
    ranges.push_back(surrogates);
    std::ranges::sort(ranges, {}, &CodeRange::first);
    std::vector<CodeRange> others;
    char32_t next = 0;
    for (const auto& range : ranges) {
        if (range.first > next) others.push_back({next, static_cast<char32_t>(range.first - 1)});
        next = std::max<char32_t>(next, range.last + 1);
    }
    if (next <= last) others.push_back({next, last});
    return others;
}

Index Rules::add(Expression expression) {
    if (expressions_.size() == most_expressions) throw Error(Status::invalid_argument, "grammar: more than " + std::to_string(most_expressions) + " items");
    expressions_.push_back(std::move(expression));
    return static_cast<Index>(expressions_.size() - 1);
}

Index Rules::text(std::string_view bytes) { return add({.kind = Expression::Kind::text, .text = std::string(bytes)}); }
Index Rules::characters(std::vector<CodeRange> ranges) { return add({.kind = Expression::Kind::characters, .ranges = std::move(ranges)}); }
Index Rules::sequence(std::vector<Index> parts) { return parts.size() == 1 ? parts[0] : add({.kind = Expression::Kind::sequence, .parts = std::move(parts)}); }
Index Rules::choice(std::vector<Index> parts) { return parts.size() == 1 ? parts[0] : add({.kind = Expression::Kind::choice, .parts = std::move(parts)}); }
Index Rules::repeat(Index part, std::uint32_t min, std::uint32_t max) {
    return add({.kind = Expression::Kind::repeat, .parts = {part}, .min = min, .max = max});
}
Index Rules::call(Index rule) { return add({.kind = Expression::Kind::rule, .rule = rule}); }

Index Rules::declare(std::string name) {
    if (rules_.size() == most_expressions) throw Error(Status::invalid_argument, "grammar: more than " + std::to_string(most_expressions) + " rules");
    rules_.push_back({.name = std::move(name)});
    return static_cast<Index>(rules_.size() - 1);
}

}  // namespace rorqual::grammar
