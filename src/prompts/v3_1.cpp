// DeepSeek-V3.1: one model that reasons or answers at once, as the last token of the prompt says.
#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

// R1's tokenizer has <think> as well, but not what searches are written in.
constexpr std::string_view tokens[] = {
    marker::begin_of_sentence, marker::end_of_sentence, marker::user, marker::assistant, marker::think, marker::end_think,
    marker::tool_calls_begin, marker::tool_calls_end, marker::tool_call_begin, marker::tool_call_end, marker::tool_sep,
    marker::tool_output_begin, marker::tool_output_end, "<｜search▁begin｜>", "<｜search▁end｜>"};

}  // namespace

extern const Format v3_1;
const Format v3_1 = {"v3.1", Format::Thinking::as_asked, true, false, false, tokens, render, v3_1_completion};

namespace {

void render_tool(const io::OrderedJson& tool, Pieces& out) {
    const auto* description = tool.find("description");
    const auto* parameters = tool.find("parameters");
    std::string schema;
    if (parameters != nullptr) io::print_json(schema, *parameters);
    out.markup("### ").text(tool.find("name")->text);
    out.markup("\nDescription: ").text(description != nullptr ? description->text : "");
    out.markup("\n\nParameters: ").text(parameters != nullptr ? schema : "{}").markup("\n\n");
}

// As the model card gives it; the published template leaves it to the caller.
void render_tools(std::span<const Message> messages, Pieces& out) {
    bool any = false;
    for (const Message& message : messages) {
        for (const io::OrderedJson& tool : message.tools) {
            if (!any) out.markup("\n\n## Tools\nYou have access to the following tools:\n\n");
            render_tool(tool, out);
            any = true;
        }
    }
    if (!any) return;
    out.markup(
        "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
        "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>tool_call_name<｜tool▁sep｜>tool_call_arguments<｜tool▁call▁end｜>"
        "{additional_tool_calls}<｜tool▁calls▁end｜>\n\n"
        "Where:\n"
        "- `tool_call_name` must be an exact match to one of the available tools\n"
        "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
        "- For multiple tool calls, chain them directly without separators or spaces");
}

void render_calls(const Message& message, Pieces& out) {
    const auto& calls = *message.tool_calls;
    if (!calls.empty() && message.content) out.text(*message.content);
    if (!calls.empty()) out.markup(marker::tool_calls_begin);
    for (const ToolCall& call : calls) {
        out.markup(marker::tool_call_begin).text(call.name).markup(marker::tool_sep).text(call.arguments).markup(marker::tool_call_end);
    }
    out.markup(marker::tool_calls_end).markup(marker::end_of_sentence);
}

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    refuse_developer_messages(v3_1, messages);
    out.markup(marker::begin_of_sentence);
    render_system(messages, out);
    render_tools(messages, out);
    bool last_is_user = false;
    bool after_outputs = false;
    for (const Message& message : messages) {
        if (message.role == Role::system) continue;
        const bool opens = last_is_user;
        last_is_user = message.role == Role::user;
        if (message.role == Role::user) {
            out.markup(marker::user).text(content_of(message));
        } else if (message.role == Role::tool) {
            out.markup(marker::tool_output_begin).text(content_of(message)).markup(marker::tool_output_end);
        } else if (message.tool_calls) {
            if (opens) out.markup(marker::assistant).markup(marker::end_think);
            render_calls(message, out);
        } else {
            if (opens) out.markup(marker::assistant).markup(message.prefix && options.thinking ? marker::think : marker::end_think);
            std::string_view content = content_of(message);
            const auto end = content.find(marker::end_think);  // the first, unlike R1
            if (!after_outputs && end != std::string_view::npos) content.remove_prefix(end + marker::end_think.size());
            out.text(content).markup(marker::end_of_sentence);
        }
        after_outputs = message.role == Role::tool;
    }
    if (options.generation && last_is_user) out.markup(marker::assistant).markup(options.thinking ? marker::think : marker::end_think);
}

}  // namespace
}  // namespace rorqual::prompts
