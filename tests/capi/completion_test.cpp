// Answers read through the C interface.
#include <utility>

#include "capi/support.hpp"

using namespace rorqual::test;

namespace {

using Parts = std::vector<std::pair<std::int32_t, std::string>>;

CompletionHandle completion_of(std::string_view format, std::uint32_t thinking = 0) {
    rq_completion* completion = nullptr;
    Err err;
    must(rq_completion_create(format.data(), format.size(), thinking, &completion, &err), err);
    return CompletionHandle(completion);
}

void feed(rq_completion* completion, std::string_view text) {
    Err err;
    must(rq_completion_feed(completion, text.data(), text.size(), &err), err);
}

Parts parts_of(rq_completion* completion) {
    Parts parts;
    Err err;
    for (;;) {
        std::int32_t kind = -1;
        const char* text = nullptr;
        std::size_t length = 0;
        must(rq_completion_next(completion, &kind, &text, &length, &err), err);
        if (kind == RQ_PART_NONE) {
            CHECK(std::string_view(text, length).empty());
            return parts;
        }
        parts.emplace_back(kind, std::string(text, length));
    }
}

std::string finish(rq_completion* completion) {
    const char* message = nullptr;
    std::size_t length = 0;
    Err err;
    must(rq_completion_finish(completion, &message, &length, &err), err);
    return {message, length};
}

}  // namespace

TEST_CASE("an answer comes apart into reasoning, text, and a call with its arguments, then as a message", "[capi][completion]") {
    const auto completion = completion_of("v3.1", 1);
    CHECK(parts_of(completion.get()).empty());
    feed(completion.get(), "Hm");
    feed(completion.get(), ".</thi");
    CHECK(parts_of(completion.get()) == Parts{{RQ_PART_REASONING, "Hm."}});
    feed(completion.get(), "nk>So:<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": ");
    CHECK(parts_of(completion.get()) == Parts{{RQ_PART_CONTENT, "So:"}, {RQ_PART_TOOL_CALL, "f"}, {RQ_PART_ARGUMENTS, "{\"a\": "}});
    feed(completion.get(), "1}<｜tool▁call▁end｜><｜tool▁calls▁end｜><｜end▁of▁sentence｜>");
    CHECK(parts_of(completion.get()) == Parts{{RQ_PART_ARGUMENTS, "1}"}});
    CHECK(finish(completion.get()) ==
          R"({"role": "assistant", "content": "So:", "reasoning_content": "Hm.", "tool_calls": )"
          R"([{"type": "function", "function": {"name": "f", "arguments": "{\"a\": 1}"}}]})");
    CHECK(parts_of(completion.get()).empty());
}

TEST_CASE("the message of an answer is ready for the next prompt", "[capi][completion]") {
    const auto completion = completion_of("v3.1");
    feed(completion.get(), "Yes.<｜end▁of▁sentence｜>");
    const std::string messages = R"([{"role":"user","content":"u"},)" + finish(completion.get()) + "]";
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.format = "v3.1", options.format_len = 4;
    rq_prompt* prompt = nullptr;
    Err err;
    must(rq_prompt_create(messages.data(), messages.size(), &options, &prompt, &err), err);
    const PromptHandle made(prompt);
    const char* text = nullptr;
    std::size_t length = 0;
    must(rq_prompt_text(prompt, &text, &length, &err), err);
    CHECK(std::string_view(text, length).ends_with("</think>Yes.<｜end▁of▁sentence｜>"));
}

TEST_CASE("an answer that is refused says where, and still gives out what was certain", "[capi][completion]") {
    const auto completion = completion_of("v3.1");
    Err err;
    const std::string_view bad = "Yes<think>";
    CHECK(rq_completion_feed(completion.get(), bad.data(), bad.size(), &err) == RQ_ERR_CORRUPT);
    CHECK(err.says("answer: byte 3: unexpected \"<think>\""));
    CHECK(rq_completion_feed(completion.get(), "x", 1, &err) == RQ_ERR_WRONG_STATE);
    CHECK(parts_of(completion.get()) == Parts{{RQ_PART_CONTENT, "Yes"}});

    const auto stopped = completion_of("v3.1");
    feed(stopped.get(), "a <");
    const char* message = "";
    std::size_t length = 1;
    CHECK(rq_completion_finish(stopped.get(), &message, &length, &err) == RQ_ERR_CORRUPT);
    CHECK(message == nullptr);
    CHECK(length == 0);
    CHECK(parts_of(stopped.get()) == Parts{{RQ_PART_CONTENT, "a <"}});
}

TEST_CASE("a completion is refused for formats that there are not and thinking that they do not know", "[capi][completion]") {
    const auto refusal = [](std::string_view format, std::uint32_t thinking, std::int32_t status, const char* says) {
        rq_completion* completion = nullptr;
        Err err;
        CHECK(rq_completion_create(format.data(), format.size(), thinking, &completion, &err) == status);
        CHECK(completion == nullptr);
        CHECK(err.says(says));
    };
    refusal("v9", 0, RQ_ERR_NOT_FOUND, "expected one of v2");
    refusal("", 0, RQ_ERR_NOT_FOUND, "expected one of v2");
    refusal("v2", 1, RQ_ERR_INVALID_ARGUMENT, "thinking: format v2 does not know it");
    refusal("v4", 2, RQ_ERR_INVALID_ARGUMENT, "thinking");
}
