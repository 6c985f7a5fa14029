#pragma once

#include <string>
#include <string_view>

#include "prompts/format.hpp"
#include "prompts/pieces.hpp"
#include "rorqual/chat_template.hpp"

/// Templates that come with models.
namespace rorqual::prompts {

/// What a template writes for messages, as Prompt documents it. `variables`: a JSON object, or nothing.
[[nodiscard]] Pieces render_own(std::string_view messages, const ChatTemplate& chat_template, std::string_view variables, const RenderOptions& options);

/// The newest published format that a tokenizer supports and that writes what a template writes; jinja_format where none does.
[[nodiscard]] const Format& format_of(const Tokenizer& tokenizer, const ChatTemplate& chat_template);

}  // namespace rorqual::prompts
