// DeepSeek-V3.2, after the encoder published with it: reasoning between calls of tools, which are written in DSML.
#include <vector>

#include "prompts/dsml.hpp"
#include "prompts/format.hpp"
#include "prompts/markers.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

constexpr std::string_view tokens[] = {
    marker::begin_of_sentence, marker::end_of_sentence, marker::user, marker::assistant, marker::think, marker::end_think, marker::dsml};

}  // namespace

extern const Format v3_2;
const Format v3_2 = {"v3.2", Format::Thinking::as_asked, false, true, false, tokens, render, v3_2_completion};

namespace {

using Conversation = std::vector<Message>;

// Reasoning of answers before the last user's turn goes, and so do developers' earlier turns.
Conversation without_earlier_thinking(std::span<const Message> messages) {
    const std::ptrdiff_t last_user = last_user_index(messages);
    Conversation kept;
    for (const Message& message : messages) {
        const bool is_earlier = static_cast<std::ptrdiff_t>(message.index) < last_user;
        if (is_earlier && message.role == Role::developer) continue;
        kept.push_back(message);
        if (is_earlier) kept.back().reasoning_content.clear();
    }
    return kept;
}

void render_tools(const Message& message, Pieces& out) {
    if (message.tools.empty()) return;
    out.markup(
        "\n\n## Tools\n\n"
        "You have access to a set of tools you can use to answer the user's question.\n"
        "You can invoke functions by writing a \"<｜DSML｜function_calls>\" block like the following as part of your reply to the user:\n"
        "<｜DSML｜function_calls>\n"
        "<｜DSML｜invoke name=\"$FUNCTION_NAME\">\n"
        "<｜DSML｜parameter name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE</｜DSML｜parameter>\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "<｜DSML｜invoke name=\"$FUNCTION_NAME2\">\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "</｜DSML｜function_calls>\n\n"
        "String and scalar parameters should be specified as is without any escaping or quotes, while lists and objects should use JSON "
        "format. The \"string\" attribute should be set to \"true\" for string type parameters and \"false\" for other types (numbers, "
        "booleans, arrays, objects).\n\n"
        "If the thinking_mode is enabled, then after function results you should strongly consider outputting a thinking block. Here is "
        "an example:\n\n"
        "<｜DSML｜function_calls>\n"
        "...\n"
        "</｜DSML｜function_calls>\n\n"
        "<function_results>\n"
        "...\n"
        "</function_results>\n\n"
        "<think>...thinking about results</think>\n\n"
        "Here are the functions available in JSONSchema format:\n"
        "<functions>\n");
    render_schemas(message, out);
    out.markup("\n</functions>\n");
}

void render_developer(const Message& message, Pieces& out) {
    if (content_of(message).empty()) refuse(message, "content", "expected text: format v3.2 has no empty developer messages");
    render_tools(message, out);
    render_response_format(message, out);
    out.markup("\n\n# The user's message is: ").text(*message.content);
}

// Results follow the calls they answer, in their order, and close with the last.
void render_result(const Conversation& messages, std::size_t i, bool thinking, Pieces& out) {
    const Message& message = messages[i];
    std::size_t number = 1;  // of the result, counted from the answer that called
    while (number <= i && messages[i - number].role == Role::tool) ++number;
    const bool answers = number <= i && messages[i - number].role == Role::assistant;
    const auto* calls = answers && messages[i - number].tool_calls ? &*messages[i - number].tool_calls : nullptr;
    if (calls == nullptr || number > calls->size()) refuse(message, "role", "expected tool messages only behind the tool_calls they answer, one for each");
    if (number == 1) out.markup("\n\n<function_results>");
    out.markup("\n<result>").text(content_of(message)).markup("</result>");
    if (number == calls->size()) out.markup("\n</function_results>\n\n").markup(thinking ? marker::think : marker::end_think);
}

void render_answer(const Message& message, bool thinking, Pieces& out) {
    const bool calls = message.tool_calls && !message.tool_calls->empty();
    if (thinking) {
        if (message.reasoning_content.empty() && !calls) {
            refuse(message, "reasoning_content", "expected text: format v3.2 with thinking has no answer behind the last user message without reasoning or tool_calls");
        }
        out.text(message.reasoning_content).markup(marker::end_think);
    }
    out.text(message.content.value_or(""));
    render_dsml_calls(message, "function_calls", BadArguments::refused, out);
    out.markup(marker::end_of_sentence);
}

void render(std::span<const Message> given, const RenderOptions& options, Pieces& out) {
    const bool drops = options.thinking && !options.keep_thinking;
    const Conversation messages = drops ? without_earlier_thinking(given) : Conversation(given.begin(), given.end());
    const std::ptrdiff_t last_user = last_user_index(messages);
    out.markup(marker::begin_of_sentence);
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const Message& message = messages[i];
        const auto index = static_cast<std::ptrdiff_t>(i);
        const auto turn = [&](const auto& content) {
            out.markup(marker::user);
            content();
            out.markup(marker::assistant).markup(options.thinking && index == last_user ? marker::think : marker::end_think);
        };
        switch (message.role) {
            case Role::system:
                out.text(message.content.value_or(""));
                render_tools(message, out);
                render_response_format(message, out);
                break;
            case Role::developer: turn([&] { render_developer(message, out); }); break;
            case Role::user: turn([&] { out.text(content_of(message)); }); break;
            case Role::tool: render_result(messages, i, options.thinking && index >= last_user, out); break;
            case Role::assistant: render_answer(message, options.thinking && index > last_user, out); break;
            case Role::latest_reminder: refuse(message, "role", "format v3.2 has no latest_reminder messages", Status::unsupported);
        }
    }
}

}  // namespace
}  // namespace rorqual::prompts
