#pragma once

#include "prompts/jinja/arguments.hpp"

namespace rorqual::prompts::jinja {

/// `value | name(…)`.
[[nodiscard]] Value apply_filter(const Value& value, const Arguments& arguments);

}  // namespace rorqual::prompts::jinja
