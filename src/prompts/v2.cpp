// DeepSeek-V2, V2-Lite and the first V2.5: roles are words.
#include "prompts/format.hpp"
#include "prompts/markers.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

constexpr std::string_view tokens[] = {marker::begin_of_sentence, marker::end_of_sentence};

}  // namespace

extern const Format v2;
const Format v2 = {"v2", Format::Thinking::never, true, false, false, tokens, render, plain_completion};

namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    refuse_developer_messages(v2, messages);
    refuse_tools(v2, messages);
    out.markup(marker::begin_of_sentence);
    for (const Message& message : messages) {
        switch (message.role) {
            case Role::system: out.text(content_of(message)).markup("\n\n"); break;
            case Role::user: out.markup("User: ").text(content_of(message)).markup("\n\n"); break;
            case Role::assistant:
                if (message.tool_calls) refuse(message, "tool_calls", "format v2 has no tool calls", Status::unsupported);
                out.markup("Assistant: ").text(content_of(message)).markup(marker::end_of_sentence);
                break;
            default: refuse(message, "role", "format v2 has no tool messages", Status::unsupported);
        }
    }
    if (options.generation) out.markup("Assistant:");
}

}  // namespace
}  // namespace rorqual::prompts
