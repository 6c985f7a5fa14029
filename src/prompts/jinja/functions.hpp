#pragma once

#include "prompts/jinja/arguments.hpp"

namespace rorqual::prompts::jinja {

/// A function that every template has: range, dict, namespace, raise_exception. Nothing for other names.
[[nodiscard]] Value function_named(Context& context, std::string_view name);
[[nodiscard]] Value call_function(const Arguments& arguments);

}  // namespace rorqual::prompts::jinja
