#include "prompts/own_template.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include "io/printable.hpp"
#include "prompts/jinja/template.hpp"

namespace rorqual::prompts {
namespace {

using io::OrderedJson;
using jinja::Value;

[[noreturn]] void refuse_place(const std::string& place, const std::string& what) { throw Error(Status::corrupt, place + ": " + what); }

OrderedJson read_object(std::string_view json, const std::string& origin) {
    if (json.empty()) return {};
    OrderedJson object = io::parse_ordered_json(json, origin, message_limits);
    if (object.kind != OrderedJson::Kind::object) refuse_place(origin, "expected an object");
    return object;
}

// Templates write "<|" + role + "|>": the role is part of the markup, so it must be a plain word.
bool is_word(std::string_view text) noexcept {
    constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    return !text.empty() && text.size() <= 64 && text.find_first_not_of(letters) == std::string_view::npos;
}

std::shared_ptr<const jinja::Text> markup(const std::string& text) { return std::make_shared<const jinja::Text>(jinja::Text().markup(text)); }

Value message_value(const OrderedJson& message, const std::string& place) {
    if (message.kind != OrderedJson::Kind::object) refuse_place(place, "expected an object");
    const OrderedJson* role = message.find("role");
    if (role == nullptr) refuse_place(place + ".role", "missing, expected a string");
    if (role->kind != OrderedJson::Kind::string) refuse_place(place + ".role", "expected a string");
    if (!is_word(role->text)) refuse_place(place + ".role", "\"" + io::printable(role->text) + "\", expected a word of letters, digits, _ and -");
    jinja::Dict dict = *jinja::from_json(message, false).dict();
    for (jinja::Entry& entry : dict.entries) {
        if (entry.key->whole() == "role") entry.value = markup(role->text);
    }
    return std::make_shared<const jinja::Dict>(std::move(dict));
}

struct Conversation {
    Value messages;
    Value tools = jinja::None{};
};

Conversation read_conversation(std::string_view json) {
    const OrderedJson document = io::parse_ordered_json(json, "messages", message_limits);
    if (document.kind != OrderedJson::Kind::array) refuse_place("messages", "expected an array");
    jinja::List messages, tools;
    for (std::size_t i = 0; i < document.elements.size(); ++i) {
        const std::string place = "messages[" + std::to_string(i) + "]";
        messages.values.push_back(message_value(document.elements[i], place));
        messages.depth = std::max(messages.depth, 1 + jinja::depth_of(messages.values.back()));
        const OrderedJson* defined = document.elements[i].find("tools");
        if (defined == nullptr || defined->kind == OrderedJson::Kind::null) continue;
        if (defined->kind != OrderedJson::Kind::array) refuse_place(place + ".tools", "expected an array");
        const Value list = jinja::from_json(*defined, false);
        tools.values.insert(tools.values.end(), list.list()->values.begin(), list.list()->values.end());
        tools.depth = std::max(tools.depth, jinja::depth_of(list));
    }
    Conversation conversation;
    conversation.messages = std::make_shared<const jinja::List>(std::move(messages));
    if (!tools.values.empty()) conversation.tools = std::make_shared<const jinja::List>(std::move(tools));
    return conversation;
}

/// Strings whose name ends in "_token" are tokens, whoever gives them.
void add_variables(jinja::Variables& variables, const OrderedJson& object) {
    for (std::size_t i = 0; i < object.names.size(); ++i) {
        const std::string& name = object.names[i];
        variables.insert_or_assign(name, jinja::from_json(object.elements[i], name.ends_with("_token")));
    }
}

// ---- which of the published formats a template is ----

constexpr std::string_view talk = R"([{"role": "system", "content": "s"}, {"role": "user", "content": "u"},
    {"role": "assistant", "content": "r</think>a"}, {"role": "user", "content": "v"}])";
constexpr std::string_view calls = R"([{"role": "user", "content": "u"}, {"role": "assistant", "content": null, "tool_calls": [
    {"type": "function", "function": {"name": "f", "arguments": "{}"}}, {"type": "function", "function": {"name": "g", "arguments": "{}"}}]},
    {"role": "tool", "content": "x"}, {"role": "tool", "content": "y"}, {"role": "assistant", "content": "a"}])";

/// Text, or "" where it is refused.
template <class Render>
std::string text_or_nothing(const Render& render) {
    try {
        return render();
    } catch (const Error&) {
        return {};
    }
}

bool writes_the_same(const Format& format, const ChatTemplate& chat_template) {
    const std::array<bool, 2> both = {false, true};
    for (const bool thinking : both) {
        if (thinking && format.thinking == Format::Thinking::never) continue;
        const RenderOptions options{.thinking = thinking};
        for (const std::string_view messages : {talk, calls}) {
            const auto own = text_or_nothing([&] { return render_own(messages, chat_template, {}, options).whole(); });
            const auto published = text_or_nothing([&] {
                Pieces pieces;
                format.render(read_messages(messages), options, pieces);
                return pieces.whole();
            });
            if (own != published || (own.empty() && messages == talk)) return false;
        }
    }
    return true;
}

}  // namespace

Pieces render_own(std::string_view messages, const ChatTemplate& chat_template, std::string_view variables, const RenderOptions& options) {
    if (chat_template.empty()) throw Error(Status::invalid_argument, "chat_template: format jinja needs one, and the model brings none");
    const Conversation conversation = read_conversation(messages);
    const OrderedJson tokens = read_object(chat_template.tokens, chat_template.origin + ": special tokens");
    const OrderedJson given = read_object(variables, "variables");
    jinja::Variables all;
    all.emplace("add_generation_prompt", options.generation);
    all.emplace("thinking", options.thinking);
    all.emplace("enable_thinking", options.thinking);
    add_variables(all, tokens);
    all.insert_or_assign("tools", conversation.tools);
    all.emplace("documents", jinja::None{});
    add_variables(all, given);
    all.insert_or_assign("messages", conversation.messages);
    jinja::Limits limits;
    limits.steps += messages.size() + variables.size();
    limits.bytes += 16 * (messages.size() + variables.size());
    return jinja::render(chat_template.text, chat_template.origin, std::move(all), limits);
}

const Format& format_of(const Tokenizer& tokenizer, const ChatTemplate& chat_template) {
    const auto all = formats();
    const auto found = std::find_if(all.rbegin(), all.rend(), [&](const Format* format) {
        return supports(tokenizer, *format) && writes_the_same(*format, chat_template);
    });
    return found == all.rend() ? jinja_format : **found;
}

}  // namespace rorqual::prompts
