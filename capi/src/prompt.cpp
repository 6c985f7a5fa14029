#include "rorqual/prompt.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

const Tokenizer& tokenizer_of(const rq_prompt_options& options) {
    if (options.tokenizer == nullptr && options.model != nullptr) return (**options.model).tokenizer();
    return required(options.tokenizer, "options.tokenizer").tokenizer;
}

}  // namespace

int32_t rq_prompt_create(const char* messages, size_t messages_len, const rq_prompt_options* options, rq_prompt** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const auto json = text(messages, messages_len, "messages");
        const auto o = input_or_defaults(options, "options");
        PromptOptions prompt_options;
        prompt_options.format = text(o.format, o.format_len, "options.format");
        prompt_options.effort = text(o.effort, o.effort_len, "options.effort");
        prompt_options.thinking = yes_or_no(o.thinking, "options.thinking");
        prompt_options.keep_thinking = yes_or_no(o.keep_thinking, "options.keep_thinking");
        prompt_options.generation = !yes_or_no(o.no_generation, "options.no_generation");
        prompt_options.variables = text(o.variables, o.variables_len, "options.variables");
        if (o.model != nullptr) prompt_options.chat_template = (**o.model).chat_template();
        if (o.chat_template_len > 0) {
            prompt_options.chat_template.text = text(o.chat_template, o.chat_template_len, "options.chat_template");
            prompt_options.chat_template.origin = "chat_template";
        }
        if (prompt_options.format.empty()) prompt_options.format = prompt_format_for(tokenizer_of(o), prompt_options.chat_template);
        made = new rq_prompt{Prompt(json, prompt_options)};
    });
}

int32_t rq_prompt_format(const rq_prompt* prompt, const char** name, size_t* name_len, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(name, name_len, "name", "name_len");
        answer.give(required(prompt, "prompt").prompt.format());
    });
}

int32_t rq_prompt_text(const rq_prompt* prompt, const char** utf8, size_t* text_len, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(utf8, text_len, "text", "text_len");
        answer.give(required(prompt, "prompt").prompt.text());
    });
}

int32_t rq_prompt_tokens(const rq_prompt* prompt, const rq_tokenizer* tokenizer, int32_t* tokens, size_t capacity, size_t* count,
                         rq_error* err) {
    return boundary(err, [&] {
        TokenBuffer answer(tokens, capacity, count);
        answer.give(required(prompt, "prompt").prompt.tokens(required(tokenizer, "tokenizer").tokenizer));
    });
}

void rq_prompt_free(rq_prompt* prompt) { delete prompt; }
