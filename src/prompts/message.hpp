#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/ordered_json.hpp"
#include "rorqual/error.hpp"

namespace rorqual::prompts {

// A million tokens of text and their tool calls; a value costs about a hundred bytes.
inline constexpr io::JsonLimits message_limits{.depth = 64, .bytes = std::size_t{64} << 20, .values = std::size_t{1} << 20};

enum class Role { system,
                  developer,
                  user,
                  assistant,
                  tool,
                  latest_reminder };

[[nodiscard]] std::string_view name_of(Role role) noexcept;

/// One call of a tool by the model. Its `type` is "function".
struct ToolCall {
    std::string id;  ///< empty where there is none
    std::string name;
    std::string arguments;  ///< JSON, as the model wrote it
};

/// A message of a conversation in the OpenAI shape, of the right types. What a format makes of it, and which parts it knows, is the
/// format's business.
struct Message {
    std::size_t index = 0;  ///< in the conversation, for errors
    Role role = Role::user;
    std::optional<std::string> content;               ///< nothing: null
    std::optional<std::vector<ToolCall>> tool_calls;  ///< published templates tell "none" from an empty list
    std::string tool_call_id;
    std::string reasoning_content;
    std::vector<io::OrderedJson> tools;  ///< the `function` of each, an object with a name
    io::OrderedJson response_format;     ///< a JSON schema; null: any answer
    std::string task;                    ///< V4: the classification that is asked for
    bool prefix = false;                 ///< V3.1: the beginning of the answer
    bool without_end = false;            ///< V4 (`wo_eos`): the same
};

/// Reads a JSON array of messages. Throws Error(corrupt) for text that is no JSON or beyond the limits, for missing keys and wrong
/// types, and Error(unsupported) for keys, roles and kinds of content that no format has; both name the place: "messages[3].content".
[[nodiscard]] std::vector<Message> read_messages(std::string_view json);

/// Throws Error(corrupt | unsupported): "messages[3].content: " + what.
[[noreturn]] void refuse(const Message& message, std::string_view key, const std::string& what, Status status = Status::corrupt);

/// The content of a message that must have one.
[[nodiscard]] const std::string& content_of(const Message& message);

/// The arguments of a call as JSON of any type. Throws Error(corrupt) that names the call where they are none.
[[nodiscard]] io::OrderedJson arguments_of(const Message& message, std::size_t call);

}  // namespace rorqual::prompts
