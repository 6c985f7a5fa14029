#include "prompts/message.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>

#include "io/printable.hpp"

namespace rorqual::prompts {
namespace {

using io::OrderedJson;
using Kind = OrderedJson::Kind;

constexpr std::array<std::pair<std::string_view, Role>, 6> roles = {{
    {"system", Role::system},
    {"developer", Role::developer},
    {"user", Role::user},
    {"assistant", Role::assistant},
    {"tool", Role::tool},
    {"latest_reminder", Role::latest_reminder},
}};

std::string_view expectation(Kind kind) {
    switch (kind) {
        case Kind::null: return "null";
        case Kind::boolean: return "true or false";
        case Kind::number: return "a number";
        case Kind::string: return "a string";
        case Kind::array: return "an array";
        case Kind::object: return "an object";
    }
    return "";
}

/// A value that knows its own path, so that every complaint names it. Borrows the document.
class Node {
 public:
    Node(const OrderedJson* value, std::string path) : value_(value), path_(std::move(path)) {}

    [[noreturn]] void refuse(const std::string& what, Status status = Status::corrupt) const { throw Error(status, path_ + ": " + what); }

    [[nodiscard]] bool absent() const { return value_ == nullptr || value_->kind == Kind::null; }
    [[nodiscard]] const OrderedJson& require(Kind kind) const {
        if (value_ == nullptr) refuse("missing, expected " + std::string(expectation(kind)));
        if (value_->kind != kind) refuse("expected " + std::string(expectation(kind)));
        return *value_;
    }
    [[nodiscard]] const std::string& string() const { return require(Kind::string).text; }
    [[nodiscard]] std::string string_or_empty() const { return absent() ? std::string() : string(); }
    [[nodiscard]] bool flag() const { return !absent() && require(Kind::boolean).truth; }

    [[nodiscard]] Node at(const char* name) const { return {require(Kind::object).find(name), path_ + "." + name}; }

    /// Requires an object without keys beyond these: one that is not known could change what the message means. Null means absent.
    void only(std::initializer_list<std::string_view> keys) const {
        const OrderedJson& object = require(Kind::object);
        for (std::size_t i = 0; i < object.names.size(); ++i) {
            if (object.elements[i].kind == Kind::null) continue;
            if (std::find(keys.begin(), keys.end(), object.names[i]) != keys.end()) continue;
            Node(nullptr, path_ + "." + io::printable(object.names[i])).refuse("this key is not known", Status::unsupported);
        }
    }

    /// Calls read(element) for the elements of an array.
    template <class Read>
    void each(const Read& read) const {
        const OrderedJson& array = require(Kind::array);
        for (std::size_t i = 0; i < array.elements.size(); ++i) read(Node(&array.elements[i], path_ + "[" + std::to_string(i) + "]"));
    }

 private:
    const OrderedJson* value_;
    std::string path_;
};

void require_function(const Node& type) {
    if (!type.absent() && type.string() != "function") type.refuse("\"" + io::printable(type.string()) + "\", expected \"function\"", Status::unsupported);
}

ToolCall read_tool_call(const Node& call) {
    call.only({"id", "type", "function", "index"});
    require_function(call.at("type"));
    const Node function = call.at("function");
    function.only({"name", "arguments"});
    return {call.at("id").string_or_empty(), function.at("name").string(), function.at("arguments").string()};
}

OrderedJson read_tool(const Node& tool) {
    tool.only({"type", "function"});
    require_function(tool.at("type"));
    const Node function = tool.at("function");
    (void)function.at("name").string();
    return function.require(Kind::object);
}

Role read_role(const Node& role) {
    const auto known = std::find_if(roles.begin(), roles.end(), [&](const auto& entry) { return entry.first == role.string(); });
    if (known != roles.end()) return known->second;
    role.refuse("\"" + io::printable(role.string()) + "\", expected system, developer, user, assistant, tool or latest_reminder", Status::unsupported);
}

void check_keys(const Node& message, Role role) {
    switch (role) {
        case Role::system: return message.only({"role", "content", "name", "tools", "response_format"});
        case Role::developer: return message.only({"role", "content", "name", "tools", "response_format", "task"});
        case Role::user: return message.only({"role", "content", "name", "task"});
        case Role::assistant:
            return message.only({"role", "content", "name", "tool_calls", "reasoning_content", "prefix", "wo_eos"});
        case Role::tool: return message.only({"role", "content", "name", "tool_call_id"});
        case Role::latest_reminder: return message.only({"role", "content", "name"});
    }
}

Message read_message(const Node& node, std::size_t index) {
    Message message;
    message.index = index;
    message.role = read_role(node.at("role"));
    check_keys(node, message.role);
    (void)node.at("name").string_or_empty();  // no format shows it to the model
    const Node content = node.at("content"), calls = node.at("tool_calls");
    if (!calls.absent()) {
        message.tool_calls.emplace();
        calls.each([&](const Node& call) { message.tool_calls->push_back(read_tool_call(call)); });
    }
    if (!content.absent()) {
        message.content = content.string();
    } else if (message.role != Role::system && message.role != Role::assistant) {
        (void)content.string();
    }
    message.tool_call_id = node.at("tool_call_id").string_or_empty();
    message.reasoning_content = node.at("reasoning_content").string_or_empty();
    if (const Node tools = node.at("tools"); !tools.absent()) {
        tools.each([&](const Node& tool) { message.tools.push_back(read_tool(tool)); });
    }
    if (const Node format = node.at("response_format"); !format.absent()) message.response_format = format.require(Kind::object);
    message.task = node.at("task").string_or_empty();
    message.prefix = node.at("prefix").flag();
    message.without_end = node.at("wo_eos").flag();
    return message;
}

std::string place(const Message& message, std::string_view key) {
    return "messages[" + std::to_string(message.index) + "]" + (key.empty() ? "" : ".") + std::string(key);
}

}  // namespace

std::string_view name_of(Role role) noexcept {
    for (const auto& [name, known] : roles) {
        if (known == role) return name;
    }
    return "";
}

std::vector<Message> read_messages(std::string_view json) {
    const OrderedJson document = io::parse_ordered_json(json, "messages", message_limits);
    std::vector<Message> messages;
    Node(&document, "messages").each([&](const Node& message) { messages.push_back(read_message(message, messages.size())); });
    return messages;
}

void refuse(const Message& message, std::string_view key, const std::string& what, Status status) {
    throw Error(status, place(message, key) + ": " + what);
}

const std::string& content_of(const Message& message) {
    if (!message.content) refuse(message, "content", "expected a string");
    return *message.content;
}

OrderedJson arguments_of(const Message& message, std::size_t call) {
    const std::string where = place(message, "tool_calls[" + std::to_string(call) + "].function.arguments");
    return io::parse_ordered_json((*message.tool_calls)[call].arguments, where, message_limits);
}

}  // namespace rorqual::prompts
