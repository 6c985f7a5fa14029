#include "rorqual/prompt.hpp"

#include "prompts/format.hpp"
#include "prompts/own_template.hpp"
#include "prompts/pieces.hpp"

namespace rorqual {

class Prompt::Impl {
 public:
    explicit Impl(const prompts::Format& of) : format(of) {}
    const prompts::Format& format;
    prompts::Pieces pieces;
};

namespace {

prompts::RenderOptions render_options(const PromptOptions& options) {
    if (!options.effort.empty() && options.effort != "high" && options.effort != "max") {
        throw Error(Status::invalid_argument, "effort: expected \"high\" or \"max\"");
    }
    return {.thinking = options.thinking,
            .generation = options.generation,
            .keep_thinking = options.keep_thinking,
            .max_effort = options.effort == "max"};
}

}  // namespace

Prompt::Prompt(std::string_view messages, const PromptOptions& options) {
    const prompts::Format& format = prompts::format_named(options.format);
    const prompts::RenderOptions wanted = render_options(options);
    prompts::check_options(format, wanted);
    auto impl = std::make_shared<Impl>(format);
    if (format.render != nullptr) {
        format.render(prompts::read_messages(messages), wanted, impl->pieces);
    } else {
        impl->pieces = prompts::render_own(messages, options.chat_template, options.variables, wanted);
    }
    impl_ = std::move(impl);
}

std::string_view Prompt::format() const noexcept { return impl_->format.name; }

const std::string& Prompt::text() const noexcept { return impl_->pieces.whole(); }

std::vector<Token> Prompt::tokens(const Tokenizer& tokenizer) const { return impl_->pieces.tokens(tokenizer); }

std::vector<std::string_view> prompt_formats() {
    std::vector<std::string_view> names;
    for (const prompts::Format* format : prompts::formats()) names.push_back(format->name);
    return names;
}

std::string_view newest_prompt_format(const Tokenizer& tokenizer) { return prompts::newest_format(tokenizer).name; }

std::string_view prompt_format_for(const Tokenizer& tokenizer, const ChatTemplate& chat_template) {
    if (chat_template.empty()) return newest_prompt_format(tokenizer);
    return prompts::format_of(tokenizer, chat_template).name;
}

}  // namespace rorqual
