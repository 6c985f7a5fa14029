#pragma once

#include <span>
#include <string_view>

#include "prompts/completion_rules.hpp"
#include "prompts/message.hpp"
#include "prompts/pieces.hpp"

namespace rorqual::prompts {

/// What can be asked of a prompt beyond its messages. A format that does not know an option never sees it set.
struct RenderOptions {
    bool thinking = false;       ///< the model is to reason first
    bool generation = true;      ///< the prompt ends where the answer begins
    bool keep_thinking = false;  ///< reasoning of earlier turns stays
    bool max_effort = false;
};

/// One published way of writing a conversation as text, and of reading the answer.
struct Format {
    enum class Thinking { never,
                          always,
                          as_asked };

    std::string_view name;
    Thinking thinking;
    bool optional_generation;  ///< published with a choice whether the prompt opens the answer
    bool keeps_thinking;       ///< published with a choice whether reasoning of earlier turns is dropped
    bool has_effort;
    std::span<const std::string_view> tokens;                                 ///< a tokenizer supports the format where each of these is a token
    void (*render)(std::span<const Message>, const RenderOptions&, Pieces&);  ///< none: a template writes it
    const CompletionRules& (*completion)() noexcept;                          ///< how its answers are read
};

/// All formats, oldest first.
[[nodiscard]] std::span<const Format* const> formats() noexcept;

/// Whether a tokenizer has the special tokens of a format.
[[nodiscard]] bool supports(const Tokenizer& tokenizer, const Format& format);

/// What a template writes that comes with a model. It is none of formats().
extern const Format jinja_format;

/// The format of that name. Throws Error(not_found) that lists those there are.
[[nodiscard]] const Format& format_named(std::string_view name);

/// The newest format that a tokenizer supports. Throws Error(unsupported) where it supports none.
[[nodiscard]] const Format& newest_format(const Tokenizer& tokenizer);

/// Throws Error(invalid_argument) for an option that a format does not have.
void check_options(const Format& format, const RenderOptions& options);

/// For formats: Error(unsupported) where a message has something the format cannot say.
void refuse_developer_messages(const Format& format, std::span<const Message> messages);
void refuse_tools(const Format& format, std::span<const Message> messages);

}  // namespace rorqual::prompts
