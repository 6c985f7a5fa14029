#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "prompts/jinja/value.hpp"

/// What methods and filters of strings share. The bytes of a result are as trusted as those they come from. Letters are those of ASCII
/// where their case changes.
namespace rorqual::prompts::jinja {

enum class Case { lower,
                  upper,
                  title,       ///< the first letter of each run of letters is large
                  words,       ///< the first character behind white space, a hyphen or a bracket is large
                  capitalized  ///< the first character is large
};
[[nodiscard]] Text with_case(Context& context, const Text& text, Case wanted);
[[nodiscard]] std::string lower(std::string_view text);

enum class Side { left,
                  right,
                  both };
/// Without these characters at its ends; without white space where none are named.
[[nodiscard]] Text stripped(Context& context, const Text& text, Side side, const std::optional<std::string_view>& characters);

inline constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();

/// `most`: how often it is cut or replaced at most.
[[nodiscard]] Values split(Context& context, const Text& text, std::string_view separator, std::int64_t most = all);
[[nodiscard]] Values split_at_space(Context& context, const Text& text, std::int64_t most = all);
[[nodiscard]] Values split_from_right(Context& context, const Text& text, std::string_view separator, std::int64_t most);
[[nodiscard]] Text replaced(Context& context, const Text& text, std::string_view old, const Text& with, std::int64_t most = all);
[[nodiscard]] Text joined(Context& context, const Text& separator, const Values& values);

}  // namespace rorqual::prompts::jinja
