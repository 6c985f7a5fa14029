#pragma once

#include "prompts/jinja/arguments.hpp"

namespace rorqual::prompts::jinja {

/// `value is name`: defined, undefined, none, boolean, true, false, integer, float, number, string, mapping, sequence, iterable, callable,
/// odd, even, divisibleby, lower, upper, in, sameas, and the comparisons by name or symbol.
[[nodiscard]] bool apply_test(const Value& value, const Arguments& arguments);

}  // namespace rorqual::prompts::jinja
