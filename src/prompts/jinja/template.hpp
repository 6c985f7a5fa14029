#pragma once

#include <string>
#include <string_view>

#include "prompts/jinja/context.hpp"
#include "prompts/jinja/interpreter.hpp"
#include "prompts/pieces.hpp"

namespace rorqual::prompts::jinja {

/// What a template writes. `origin` names it in errors. Throws Error(corrupt) for what is no template, cannot be evaluated or takes too
/// much, and Error(unsupported) for what is not part of the subset and for what the template itself raises; all with the line.
[[nodiscard]] Pieces render(std::string_view source, const std::string& origin, Variables variables, const Limits& limits = {});

}  // namespace rorqual::prompts::jinja
