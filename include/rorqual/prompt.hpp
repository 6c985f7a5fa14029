#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/chat_template.hpp"
#include "rorqual/tokenizer.hpp"

namespace rorqual {

/// How a conversation becomes a prompt.
struct PromptOptions {
    std::string format{};          ///< one of prompt_formats(), or "jinja"; prompt_format_for() tells what suits a model
    bool thinking = false;         ///< the model is to reason before it answers; R1 always does
    bool generation = true;        ///< false (to V3.1): the prompt does not open an answer
    bool keep_thinking = false;    ///< V3.2 and V4: reasoning of earlier turns stays in the prompt
    std::string effort{};          ///< V4, where thinking: "max" asks for all there is; "high" and "" for the usual
    ChatTemplate chat_template{};  ///< "jinja": the template
    std::string variables{};       ///< "jinja": more of what the template is told, a JSON object: {"date_string": "1 May 2025"}
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
/// Format "jinja" runs a template that comes with another model (Model::chat_template()) as Hugging Face transformers does. It is told
///   messages               as they are, each an object with a `role`; which keys they have and what is in them is the template's business
///   tools                  those of all messages that have any, else none
///   add_generation_prompt  PromptOptions::generation
///   thinking and enable_thinking   PromptOptions::thinking
///   bos_token …            ChatTemplate::tokens, and what else `variables` has. Of these, names that end in "_token" are markup as the
///                          template's own text is; all other strings are somebody's text.
/// Understood are if, for (with else, if and loop.…), set, macro, generation, break, continue and raw; all operators, slices and inline if;
/// the functions range, dict, namespace and raise_exception; strftime_now only where a variable of that name says what it returns: the
/// library reads no clock; methods of strings and dicts; the filters abs, capitalize, count, default, dictsort, first, float, indent, int,
/// items, join, last, length, list, lower, map, max, min, reject, rejectattr, replace, reverse, safe, select, selectattr, sort, string, sum,
/// title, tojson, trim, unique and upper; the tests of Jinja but filter, test and escaped. Large and small letters are those of ASCII.
/// Lists and dicts do not change. Anything else is Error(unsupported), as is what the template itself raises; what is no Jinja, fails, or
/// takes more than it may is Error(corrupt): more than 256 KiB of template, 200 levels, 2^22 steps beyond one for each byte of messages, or
/// 64 MiB of text and values beyond 16 for each. Both name the template and the line.
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

/// The format of a model: the newest of these that writes what the model's own template writes, if one does; else "jinja". Without a
/// template newest_prompt_format().
[[nodiscard]] std::string_view prompt_format_for(const Tokenizer& tokenizer, const ChatTemplate& chat_template);

}  // namespace rorqual
