#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual {

/// A piece of an answer that is certain.
struct CompletionPart {
    enum class Kind {
        reasoning,  ///< text the model thinks
        content,    ///< text of the answer
        tool_call,  ///< a call begins: text is the name of the function
        arguments,  ///< more of the arguments of the call that began last: all of a call joined are its JSON
    };
    Kind kind = Kind::content;
    std::string text;
};

/// Reads what a model writes while it is written: reasoning apart from the answer, calls of tools as they arrive.
///
///     Completion completion("v3.1", thinking);
///     while (const auto piece = generation.next()) {                 // with GenerateOptions::special = true
///         completion.feed(piece->text);
///         for (const auto& part : completion.take()) show(part);
///     }
///     messages.push_back(completion.finish());
///
/// Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that
/// ends an answer ("<｜end▁of▁sentence｜>") belongs to the text: feed it where a generation stopped at it without showing it.
/// After an error only take() and destruction are left. Time and memory grow with the text alone. One thread at a time.
class Completion {
 public:
    /// `format`: that of the prompt, one of prompt_formats() or "jinja", of which only reasoning between <think> and </think> is known; `thinking`: as in its PromptOptions. Throws Error(not_found) for the format,
    /// Error(invalid_argument) for thinking that it does not know.
    Completion(std::string_view format, bool thinking);
    ~Completion();
    Completion(Completion&&) noexcept;
    Completion& operator=(Completion&&) noexcept;

    /// More of the text; it may be cut anywhere, inside characters too. Throws Error(corrupt) with the byte where it is no answer of the
    /// format, Error(wrong_state) after finish() or an earlier error.
    void feed(std::string_view text);

    /// What has become certain since the last call, in order; parts of one kind that touch are one part.
    [[nodiscard]] std::vector<CompletionPart> take();

    /// The end of the text: gives out what is left (take() has it) and returns the whole answer as a JSON message, ready to be added to a
    /// conversation: role and content (null beside calls of tools where there is no text), reasoning_content and tool_calls where there
    /// are any. Valid as long as this object. Throws as feed(), for an answer that is not whole and for text that is not UTF-8. The
    /// parsers published with V3.2 and V4 refuse the same.
    const std::string& finish();

 private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace rorqual
