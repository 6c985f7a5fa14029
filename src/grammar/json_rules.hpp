#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/rules.hpp"

namespace rorqual::grammar {

/// The pieces of JSON (RFC 8259) as rules, each written down once.
class JsonRules {
 public:
    explicit JsonRules(Rules& rules);

    [[nodiscard]] Index value() { return rules_.call(value_); }  ///< any
    [[nodiscard]] Index space() { return rules_.call(space_); }  ///< nothing, a space, or a line break and indentation
    [[nodiscard]] Index comma() { return rules_.sequence({rules_.text(","), space()}); }
    [[nodiscard]] Index colon() { return rules_.sequence({rules_.text(":"), rules_.optional(rules_.text(" "))}); }
    [[nodiscard]] Index number() { return rules_.call(number_); }
    [[nodiscard]] Index boolean() { return rules_.choice({rules_.text("true"), rules_.text("false")}); }
    [[nodiscard]] Index null() { return rules_.text("null"); }
    /// A string of so many characters.
    [[nodiscard]] Index string(std::uint32_t least = 0, std::uint32_t most = Expression::endless);
    /// The string of a name that is none of these, without escapes.
    [[nodiscard]] Index other_name(std::vector<std::string> names);
    /// An integer from least to most, as far as these are given.
    [[nodiscard]] Index integer(std::optional<std::int64_t> least = {}, std::optional<std::int64_t> most = {});
    [[nodiscard]] Index list(std::string_view open, Index elements, std::string_view close) {
        return rules_.sequence({rules_.text(open), space(), elements, space(), rules_.text(close)});
    }

 private:
    [[nodiscard]] Index digits(std::uint32_t least, std::uint32_t most);
    [[nodiscard]] Index digit(char first, char last);
    [[nodiscard]] Index at_least(std::uint64_t least);
    [[nodiscard]] Index between(std::uint64_t least, std::uint64_t most);
    [[nodiscard]] Index same_length(const std::string& least, const std::string& most);
    [[nodiscard]] Index none_of(std::span<const std::string> names, std::size_t from);

    Rules& rules_;
    Index space_, character_, number_, value_;
};

}  // namespace rorqual::grammar
