#pragma once

#include <string_view>

#include "grammar/rules.hpp"

namespace rorqual::grammar {

/// Reads rules as Grammar::from_rules describes them. Throws Error(invalid_argument) with line and column.
[[nodiscard]] Rules read_rules(std::string_view text);

}  // namespace rorqual::grammar
