#pragma once

#include "prompts/jinja/value.hpp"

namespace rorqual::prompts::jinja {

/// A value as Python's str() writes it. What the template's own text is remains so.
[[nodiscard]] Text print(Context& context, const Value& value);

/// How json.dumps writes a value, with ensure_ascii off.
struct JsonStyle {
    std::int64_t indent = -1;  ///< negative: on one line
    std::string comma = ", ", colon = ": ";
    bool sort_keys = false;
};
[[nodiscard]] Text print_json(Context& context, const Value& value, const JsonStyle& style);

}  // namespace rorqual::prompts::jinja
