#include "prompts/v3_turns.hpp"

namespace rorqual::prompts {
namespace {

void render_call(const ToolCall& call, Pieces& out) {
    out.markup(marker::tool_call_begin).markup("function").markup(marker::tool_sep);
    out.text(call.name).markup("\n```json\n").text(call.arguments).markup("\n```").markup(marker::tool_call_end);
}

// Results of tools: the first of a group opens it, and what follows the group closes it.
class Outputs {
 public:
    void render(const Message& message, Pieces& out) {
        out.markup(first_ ? marker::tool_outputs_begin : "\n");
        out.markup(marker::tool_output_begin).text(content_of(message)).markup(marker::tool_output_end);
        first_ = false;
        open = true;
    }
    void close(Pieces& out) {
        if (open) out.markup(marker::tool_outputs_end);
        open = false;
    }
    void next_group() { first_ = true; }

    bool open = false;

 private:
    bool first_ = true;
};

void check(const Format& format, std::span<const Message> messages) {
    refuse_developer_messages(format, messages);
    refuse_tools(format, messages);
}

}  // namespace

void render_system(std::span<const Message> messages, Pieces& out) {
    bool first = true;
    for (const Message& message : messages) {
        if (message.role != Role::system) continue;
        if (!first) out.markup("\n\n");
        out.text(content_of(message));
        first = false;
    }
}

std::string_view after_thinking(std::string_view content, EarlierThinking thinking) noexcept {
    const auto at = content.rfind(marker::end_think);
    if (thinking == EarlierThinking::kept || at == std::string_view::npos) return content;
    return content.substr(at + marker::end_think.size());
}

// Published so: calls count only where the content is null, a group is closed behind its second and every further call, and not
// behind its first; groups of calls and of results open once in a conversation; a user's turn does not close results.
void render_january(const Format& format, std::span<const Message> messages, const RenderOptions& options, EarlierThinking thinking,
                    std::string_view opening, Pieces& out) {
    check(format, messages);
    out.markup(marker::begin_of_sentence);
    render_system(messages, out);
    Outputs outputs;
    bool first_call = true;
    const auto render_calls = [&](const std::vector<ToolCall>& calls) {
        for (const ToolCall& call : calls) {
            if (first_call) out.markup(marker::assistant).markup(marker::tool_calls_begin);
            if (!first_call) out.markup("\n");
            render_call(call, out);
            if (!first_call) out.markup(marker::tool_calls_end).markup(marker::end_of_sentence);
            first_call = false;
        }
    };
    for (const Message& message : messages) {
        if (message.role == Role::user) {
            outputs.open = false;
            out.markup(marker::user).text(content_of(message));
        } else if (message.role == Role::assistant && !message.content) {
            outputs.open = false;
            if (message.tool_calls) render_calls(*message.tool_calls);
        } else if (message.role == Role::assistant) {
            const bool answers_outputs = outputs.open;
            outputs.close(out);
            if (!answers_outputs) out.markup(marker::assistant);
            out.text(answers_outputs ? std::string_view(*message.content) : after_thinking(*message.content, thinking));
            out.markup(marker::end_of_sentence);
        } else if (message.role == Role::tool) {
            outputs.render(message, out);
        }
    }
    const bool ends_with_outputs = outputs.open;
    outputs.close(out);
    if (options.generation && !ends_with_outputs) out.markup(opening);
}

void render_march(const Format& format, std::span<const Message> messages, const RenderOptions& options, EarlierThinking thinking, Pieces& out) {
    check(format, messages);
    out.markup(marker::begin_of_sentence);
    render_system(messages, out);
    Outputs outputs;
    bool last_is_user = false;
    for (const Message& message : messages) {
        if (message.role == Role::system) continue;
        last_is_user = message.role == Role::user;
        if (message.role == Role::user) {
            outputs.open = false;
            out.markup(marker::user).text(content_of(message)).markup(marker::assistant);
        } else if (message.role == Role::tool) {
            outputs.render(message, out);
        } else if (message.tool_calls) {
            outputs.close(out);
            outputs.next_group();
            if (!message.tool_calls->empty() && message.content) out.text(after_thinking(*message.content, thinking));
            bool first = true;
            for (const ToolCall& call : *message.tool_calls) {
                out.markup(first ? marker::tool_calls_begin : "\n");
                render_call(call, out);
                first = false;
            }
            out.markup(marker::tool_calls_end).markup(marker::end_of_sentence);
        } else {
            outputs.close(out);
            out.text(after_thinking(content_of(message), thinking)).markup(marker::end_of_sentence);
        }
    }
    const bool ends_with_outputs = outputs.open;
    outputs.close(out);
    if (options.generation && !last_is_user && !ends_with_outputs) out.markup(marker::assistant);
}

}  // namespace rorqual::prompts
