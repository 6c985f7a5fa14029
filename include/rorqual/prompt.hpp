#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tokenizer.hpp"

namespace rorqual {

/// How a conversation becomes a prompt.
struct PromptOptions {
    std::string format{};        ///< one of prompt_formats(); newest_prompt_format() tells what suits a tokenizer
    bool thinking = false;       ///< the model is to reason before it answers; R1 always does
    bool generation = true;      ///< false (to V3.1): the prompt does not open an answer
    bool keep_thinking = false;  ///< V3.2 and V4: reasoning of earlier turns stays in the prompt
    std::string effort{};        ///< V4, where thinking: "max" asks for all there is; "high" and "" for the usual
};

/// A conversation as the text and the token ids that a model expects.
///
///     const Prompt prompt(R"([{"role": "user", "content": "Hi"}])", {.format = "v3.1"});
///     session.sync(prompt.tokens(model->tokenizer()));
///
/// `messages` is a JSON array in the OpenAI shape: objects with `role` (system, developer, user, assistant, tool, latest_reminder) and
/// `content`; of an assistant `tool_calls` and `reasoning_content`; of a tool `tool_call_id`; of system and developer messages `tools`
/// and `response_format` (a JSON schema); `task` of a user asks V4 for a classification. Keys that are null count as absent; `name` is
/// shown to no model. The text is that of the template or encoder published with the model, byte for byte.
///
/// Throws Error(corrupt) for JSON that is none, deeper than 64, longer than 64 MiB or of more than 2^20 values, for missing keys and
/// wrong types; Error(unsupported) for keys and roles that are not known, or that the format does not have; both name the place:
/// "messages[3].content: expected a string". Error(not_found) for the format; Error(invalid_argument) for options that it does not have.
///
/// A cheap value: copies share one immutable text. Any number of threads may use one at once.
class Prompt {
 public:
    Prompt(std::string_view messages, const PromptOptions& options);

    /// The name of its format.
    [[nodiscard]] std::string_view format() const noexcept;

    /// As the published template writes it. Valid as long as any copy lives.
    [[nodiscard]] const std::string& text() const noexcept;

    /// Its token ids. Text of users, tools and models never becomes a special token, whatever it spells; apart from that they are the ids
    /// of text(). Throws Error(invalid_argument) for text longer than 4 GiB.
    [[nodiscard]] std::vector<Token> tokens(const Tokenizer& tokenizer) const;

 private:
    class Impl;
    std::shared_ptr<const Impl> impl_;
};

/// The names of all formats, oldest first: "v2" …
[[nodiscard]] std::vector<std::string_view> prompt_formats();

/// The newest format all of whose special tokens a tokenizer has. Throws Error(unsupported) where there is none.
[[nodiscard]] std::string_view newest_prompt_format(const Tokenizer& tokenizer);

}  // namespace rorqual
