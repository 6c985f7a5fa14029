#pragma once

#include <string_view>

#include "prompts/message.hpp"
#include "prompts/pieces.hpp"

/// What the encoders of V3.2 and V4 share: calls of tools in DeepSeek's markup language, and schemas.
namespace rorqual::prompts {

/// What becomes of arguments that are no JSON: an error, or one string parameter called "arguments".
enum class BadArguments { refused,
                          one_string };

/// The calls of an answer, as a block of that name ("tool_calls") behind an empty line.
void render_dsml_calls(const Message& message, std::string_view block, BadArguments bad, Pieces& out);

/// The functions of a message's tools, one line of JSON each, joined by newlines.
void render_schemas(const Message& message, Pieces& out);

/// The schema that answers have to follow, behind an empty line; nothing where there is none.
void render_response_format(const Message& message, Pieces& out);

/// Index of the last message of a user or developer; `none` where there is none.
inline constexpr std::ptrdiff_t none = -1;
template <class Messages>
[[nodiscard]] std::ptrdiff_t last_user_index(const Messages& messages) noexcept {
    for (auto i = static_cast<std::ptrdiff_t>(messages.size()); i-- > 0;) {
        const Role role = messages[static_cast<std::size_t>(i)].role;
        if (role == Role::user || role == Role::developer) return i;
    }
    return none;
}

}  // namespace rorqual::prompts
