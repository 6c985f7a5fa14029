#pragma once

#include <string_view>

#include "prompts/jinja/arguments.hpp"
#include "prompts/jinja/value.hpp"

namespace rorqual::prompts::jinja {

/// Methods of strings and dicts, those of Python. Lists have none that would not change them, but index and count.
[[nodiscard]] bool has_method(const Value& value, std::string_view name) noexcept;
[[nodiscard]] Value call_method(const Value& receiver, const Arguments& arguments);

/// loop.index, loop.last …
[[nodiscard]] Value loop_attribute(Context& context, const Loop& loop, const Value& value, std::string_view name);

}  // namespace rorqual::prompts::jinja
