// DeepSeek-V4, after the encoder published with it: results of tools are part of the user's turn, and tasks classify.
#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "prompts/dsml.hpp"
#include "prompts/format.hpp"
#include "prompts/markers.hpp"

namespace rorqual::prompts {
namespace {

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out);

constexpr std::string_view latest_reminder = "<｜latest_reminder｜>";
constexpr std::string_view tokens[] = {
    marker::begin_of_sentence, marker::end_of_sentence, marker::user, marker::assistant, marker::think, marker::end_think, marker::dsml,
    latest_reminder};

// Classifications that a user's turn can ask for.
constexpr std::pair<std::string_view, std::string_view> tasks[] = {
    {"action", "<｜action｜>"}, {"query", "<｜query｜>"}, {"authority", "<｜authority｜>"}, {"domain", "<｜domain｜>"}, {"title", "<｜title｜>"}, {"read_url", "<｜read_url｜>"}};

}  // namespace

extern const Format v4;
const Format v4 = {"v4", Format::Thinking::as_asked, false, true, true, tokens, render, v4_completion};

namespace {

// Messages of a user and of tools that follow one another are one turn.
struct Turn {
    const Message* message = nullptr;  // the first of them: all but `parts` is what it says
    Role role = Role::user;
    std::vector<const Message*> parts;

    [[nodiscard]] bool has_task() const { return !message->task.empty(); }
};
using Turns = std::vector<Turn>;

// A user message that joins a turn brings no task with it, as the published encoder has it; one with a task takes results still.
Turns merged(std::span<const Message> messages) {
    Turns turns;
    for (const Message& message : messages) {
        const bool is_part = message.role == Role::user || message.role == Role::tool;
        const bool joins = is_part && !turns.empty() && turns.back().role == Role::user && (message.role == Role::tool || !turns.back().has_task());
        if (!joins) turns.push_back({&message, is_part ? Role::user : message.role, {}});
        if (is_part) turns.back().parts.push_back(&message);
    }
    return turns;
}

// Results of a turn in the order of the calls they answer; those that answer none count as the first.
void sort_results(Turns& turns) {
    std::map<std::string_view, std::size_t> order;
    for (Turn& turn : turns) {
        if (turn.role == Role::assistant && turn.message->tool_calls && !turn.message->tool_calls->empty()) {
            order.clear();
            const auto& calls = *turn.message->tool_calls;
            for (std::size_t i = 0; i < calls.size(); ++i) {
                if (!calls[i].id.empty()) order[calls[i].id] = i;
            }
        }
        const auto is_result = [](const Message* part) { return part->role == Role::tool; };
        std::vector<const Message*> results;
        std::copy_if(turn.parts.begin(), turn.parts.end(), std::back_inserter(results), is_result);
        const auto position = [&](const Message* result) {
            const auto found = order.find(result->tool_call_id);
            return found == order.end() ? std::size_t{0} : found->second;
        };
        std::stable_sort(results.begin(), results.end(), [&](const auto* a, const auto* b) { return position(a) < position(b); });
        auto next = results.begin();
        for (const Message*& part : turn.parts) {
            if (is_result(part)) part = *next++;
        }
    }
}

void drop_earlier_developers(Turns& turns) {
    const auto last_user = turns.begin() + std::max<std::ptrdiff_t>(last_user_index(turns), 0);
    turns.erase(std::remove_if(turns.begin(), last_user, [](const Turn& turn) { return turn.role == Role::developer; }), last_user);
}

void render_tools(const Message& message, Pieces& out) {
    if (message.tools.empty()) return;
    out.markup(
        "\n\n## Tools\n\n"
        "You have access to a set of tools to help answer the user's question. You can invoke tools by writing a \"<｜DSML｜tool_calls>\" "
        "block like the following:\n\n"
        "<｜DSML｜tool_calls>\n"
        "<｜DSML｜invoke name=\"$TOOL_NAME\">\n"
        "<｜DSML｜parameter name=\"$PARAMETER_NAME\" string=\"true|false\">$PARAMETER_VALUE</｜DSML｜parameter>\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "<｜DSML｜invoke name=\"$TOOL_NAME2\">\n"
        "...\n"
        "</｜DSML｜invoke>\n"
        "</｜DSML｜tool_calls>\n\n"
        "String parameters should be specified as is and set `string=\"true\"`. For all other types (numbers, booleans, arrays, objects), "
        "pass the value in JSON format and set `string=\"false\"`.\n\n"
        "If thinking_mode is enabled (triggered by <think>), you MUST output your complete reasoning inside <think>...</think> BEFORE any "
        "tool calls or final response.\n\n"
        "Otherwise, output directly after </think> with tool calls or final response.\n\n"
        "### Available Tool Schemas\n\n");
    render_schemas(message, out);
    out.markup("\n\nYou MUST strictly follow the above defined tool name and parameter schemas to invoke tool calls.\n");
}

constexpr std::string_view max_effort =
    "Reasoning Effort: Absolute maximum with no shortcuts permitted.\n"
    "You MUST be very thorough in your thinking and comprehensively decompose the problem to resolve the root cause, rigorously "
    "stress-testing your logic against all potential paths, edge cases, and adversarial scenarios.\n"
    "Explicitly write out your entire deliberation process, documenting every intermediate step, considered alternative, and rejected "
    "hypothesis to ensure absolutely no assumption is left unchecked.\n\n";

void render_user(const Turn& turn, Pieces& out) {
    out.markup(marker::user);
    for (std::size_t i = 0; i < turn.parts.size(); ++i) {
        const Message& part = *turn.parts[i];
        if (i > 0) out.markup("\n\n");
        const bool is_result = part.role == Role::tool;
        out.markup(is_result ? "<tool_result>" : "").text(content_of(part)).markup(is_result ? "</tool_result>" : "");
    }
}

void render_developer(const Message& message, Pieces& out) {
    if (content_of(message).empty()) refuse(message, "content", "expected text: format v4 has no empty developer messages");
    out.markup(marker::user).text(*message.content);
    render_tools(message, out);
    render_response_format(message, out);
}

std::string_view task_token(const Message& message) {
    for (const auto& [task, token] : tasks) {
        if (task == message.task) return token;
    }
    refuse(message, "task", "expected action, query, authority, domain, title or read_url", Status::unsupported);
}

// What opens the answer to a turn.
void render_opening(const Turn& turn, bool thinking, bool opens_thinking, Pieces& out) {
    if (turn.has_task()) {
        const auto token = task_token(*turn.message);
        if (turn.message->task == "action") out.markup(marker::assistant).markup(thinking ? marker::think : marker::end_think);
        out.markup(token);
    } else if (turn.role == Role::user || turn.role == Role::developer) {
        out.markup(marker::assistant).markup(opens_thinking ? marker::think : marker::end_think);
    }
}

void render(std::span<const Message> messages, const RenderOptions& options, Pieces& out) {
    const bool tools = std::any_of(messages.begin(), messages.end(), [](const Message& message) { return !message.tools.empty(); });
    const bool drops = !options.keep_thinking && !tools;  // tools need the reasoning that called them
    Turns turns = merged(messages);
    sort_results(turns);
    if (options.thinking && drops) drop_earlier_developers(turns);
    const std::ptrdiff_t last_user = last_user_index(turns);

    out.markup(marker::begin_of_sentence);
    if (!turns.empty() && options.thinking && options.max_effort) out.markup(max_effort);
    for (std::size_t i = 0; i < turns.size(); ++i) {
        const Turn& turn = turns[i];
        const Message& message = *turn.message;
        const auto index = static_cast<std::ptrdiff_t>(i);
        switch (turn.role) {
            case Role::system:
                out.text(message.content.value_or(""));
                render_tools(message, out);
                render_response_format(message, out);
                break;
            case Role::developer: render_developer(message, out); break;
            case Role::assistant:
                if (options.thinking && !(i > 0 && turns[i - 1].has_task()) && (!drops || index > last_user)) {
                    out.text(message.reasoning_content).markup(marker::end_think);
                }
                out.text(message.content.value_or(""));
                render_dsml_calls(message, "tool_calls", BadArguments::one_string, out);
                if (!message.without_end) out.markup(marker::end_of_sentence);
                break;
            case Role::latest_reminder: out.markup(latest_reminder).text(content_of(message)); break;
            default: render_user(turn, out);
        }
        const bool is_answered = i + 1 == turns.size() || turns[i + 1].role == Role::assistant || turns[i + 1].role == Role::latest_reminder;
        if (is_answered) render_opening(turn, options.thinking, options.thinking && (!drops || index >= last_user), out);
    }
}

}  // namespace
}  // namespace rorqual::prompts
