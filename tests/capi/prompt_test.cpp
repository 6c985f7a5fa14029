// Conversations through the C interface.
#include <algorithm>
#include <cstring>

#include "capi/support.hpp"

using namespace rorqual::test;

namespace {

PromptHandle prompt_of(const std::string& messages, const rq_prompt_options& options, Err& err) {
    rq_prompt* prompt = nullptr;
    rq_prompt_create(messages.data(), messages.size(), &options, &prompt, &err);
    return PromptHandle(prompt);
}

std::string text_of(const rq_prompt* prompt) {
    const char* text = nullptr;
    std::size_t length = 0;
    Err err;
    must(rq_prompt_text(prompt, &text, &length, &err), err);
    return {text, length};
}

rq_prompt_options format(std::string_view name) {
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.format = name.data(), options.format_len = name.size();
    return options;
}

TokenizerHandle tale_tokenizer() {
    rq_tokenizer* tokenizer = nullptr;
    Err err;
    must(rq_model_tokenizer(tale(), &tokenizer, &err), err);
    return TokenizerHandle(tokenizer);
}

const std::string question = R"([{"role":"user","content":"Who is <｜end▁of▁sentence｜>?"}])";

}  // namespace

TEST_CASE("a conversation becomes text and ids in the format and with the options that are asked for", "[capi][prompts]") {
    Err err;
    auto options = format("v3.1");
    CHECK(text_of(prompt_of(question, options, err).get()).ends_with("?<｜Assistant｜></think>"));
    options.thinking = 1;
    CHECK(text_of(prompt_of(question, options, err).get()).ends_with("?<｜Assistant｜><think>"));
    options.no_generation = 1;
    CHECK(text_of(prompt_of(question, options, err).get()).ends_with("sentence｜>?"));
    options = format("v4");
    options.thinking = options.keep_thinking = 1;
    options.effort = "max", options.effort_len = 3;
    CHECK(text_of(prompt_of(question, options, err).get()).find("Absolute maximum") != std::string::npos);
}

TEST_CASE("what a user writes is no special token in the ids of a prompt", "[capi][prompts]") {
    const auto tokenizer = tale_tokenizer();
    Err err;
    const auto prompt = prompt_of(question, format("v2"), err);
    std::size_t count = 0;
    must(rq_prompt_tokens(prompt.get(), tokenizer.get(), nullptr, 0, &count, &err), err);
    std::vector<std::int32_t> ids(count);
    must(rq_prompt_tokens(prompt.get(), tokenizer.get(), ids.data(), ids.size(), &count, &err), err);
    CHECK(ids.front() == 0);  // begin of sentence
    CHECK(std::count(ids.begin(), ids.end(), 1) == 0);
    CHECK(rq_prompt_tokens(prompt.get(), tokenizer.get(), ids.data(), ids.size() - 1, &count, &err) == RQ_ERR_INVALID_ARGUMENT);
    CHECK(count == ids.size());
}

TEST_CASE("with no format named the newest is taken that the tokenizer has the special tokens of", "[capi][prompts]") {
    const auto tokenizer = tale_tokenizer();
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    Err err;
    CHECK(prompt_of(question, options, err) == nullptr);
    CHECK(err.says("options.tokenizer: NULL"));
    options.tokenizer = tokenizer.get();
    const auto prompt = prompt_of(question, options, err);
    const char* name = nullptr;
    std::size_t length = 0;
    must(rq_prompt_format(prompt.get(), &name, &length, &err), err);
    CHECK(std::string_view(name, length) == "v2");
}

TEST_CASE("what is wrong with messages and options comes back as a status and a place", "[capi][prompts]") {
    const auto refusal = [](const std::string& messages, const rq_prompt_options& options, std::int32_t status, const char* says) {
        Err err;
        CHECK(prompt_of(messages, options, err) == nullptr);
        CAPTURE(err.message);
        CHECK(err.code == status);
        CHECK(err.says(says));
    };
    refusal(R"([{"role":"user"}])", format("v4"), RQ_ERR_CORRUPT, "messages[0].content: missing, expected a string");
    refusal(R"([{"role":"user","content":"","x":1}])", format("v4"), RQ_ERR_UNSUPPORTED, "messages[0].x: this key is not known");
    refusal("[]", format("v5"), RQ_ERR_NOT_FOUND, "v5");
    auto options = format("v4");
    options.thinking = 2;
    refusal("[]", options, RQ_ERR_INVALID_ARGUMENT, "options.thinking");
    options = format("v4");
    options.no_generation = 1;
    refusal("[]", options, RQ_ERR_INVALID_ARGUMENT, "generation: format v4 always ends where the answer begins");
    options = format("v4");
    options.effort = "low", options.effort_len = 3;
    refusal("[]", options, RQ_ERR_INVALID_ARGUMENT, "effort");
}

TEST_CASE("a chat template writes a prompt, and its caller tells it what the conversation does not", "[capi][prompts]") {
    const auto tokenizer = tale_tokenizer();
    Err err;
    const std::string chat_template = "{% for m in messages %}[{{ m.role }}] {{ m.content }}{% endfor %}{{ eos_token }}{{ date }}";
    const std::string variables = R"({"eos_token": "<｜end▁of▁sentence｜>", "date": "today"})";
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.tokenizer = tokenizer.get();
    options.chat_template = chat_template.data(), options.chat_template_len = chat_template.size();
    options.variables = variables.data(), options.variables_len = variables.size();
    const auto prompt = prompt_of(question, options, err);
    REQUIRE(prompt != nullptr);
    CHECK(text_of(prompt.get()) == "[user] Who is <｜end▁of▁sentence｜>?<｜end▁of▁sentence｜>today");
    const char* name = nullptr;
    std::size_t length = 0;
    must(rq_prompt_format(prompt.get(), &name, &length, &err), err);
    CHECK(std::string_view(name, length) == "jinja");
    std::size_t count = 0;
    std::vector<std::int32_t> ids(64);
    must(rq_prompt_tokens(prompt.get(), tokenizer.get(), ids.data(), ids.size(), &count, &err), err);
    ids.resize(count);
    std::int32_t end = 0;
    must(rq_tokenizer_find(tokenizer.get(), "<｜end▁of▁sentence｜>", std::strlen("<｜end▁of▁sentence｜>"), &end, &err), err);
    CHECK(std::count(ids.begin(), ids.end(), end) == 1);
}

TEST_CASE("a model brings the template of its prompts; without one, format jinja is refused", "[capi][prompts]") {
    Err err;
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.model = tale();
    const auto found = prompt_of(question, options, err);
    REQUIRE(found != nullptr);
    CHECK(text_of(found.get()).ends_with("Assistant:"));
    options.format = "jinja", options.format_len = 5;
    CHECK(prompt_of(question, options, err) == nullptr);
    CHECK(err.code == RQ_ERR_INVALID_ARGUMENT);
    CHECK(std::string(err.message).find("chat_template: format jinja needs one") != std::string::npos);
    const std::string broken = "{% if %}";
    options.chat_template = broken.data(), options.chat_template_len = broken.size();
    CHECK(prompt_of(question, options, err) == nullptr);
    CHECK(err.code == RQ_ERR_CORRUPT);
    CHECK(std::string(err.message) == "chat_template: line 1: expected an expression, the tag ends");
}
