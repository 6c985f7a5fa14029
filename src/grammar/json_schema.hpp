#pragma once

#include <string_view>

#include "grammar/rules.hpp"

namespace rorqual::grammar {

/// The rules of the JSON texts that a schema admits, as Grammar::from_json_schema describes them.
/// Throws Error(invalid_argument | unsupported) that names the place in the schema.
[[nodiscard]] Rules read_schema(std::string_view text);

}  // namespace rorqual::grammar
