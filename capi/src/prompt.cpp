#include "rorqual/prompt.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

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
        if (prompt_options.format.empty()) {
            prompt_options.format = newest_prompt_format(required(o.tokenizer, "options.tokenizer").tokenizer);
        }
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
