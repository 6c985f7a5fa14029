#include "rorqual/completion.hpp"

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

using Kind = CompletionPart::Kind;
static_assert(RQ_PART_REASONING == 1 + static_cast<std::int32_t>(Kind::reasoning));
static_assert(RQ_PART_CONTENT == 1 + static_cast<std::int32_t>(Kind::content));
static_assert(RQ_PART_TOOL_CALL == 1 + static_cast<std::int32_t>(Kind::tool_call));
static_assert(RQ_PART_ARGUMENTS == 1 + static_cast<std::int32_t>(Kind::arguments));

}  // namespace

int32_t rq_completion_create(const char* format, size_t format_len, uint32_t thinking, rq_completion** out, rq_error* err) {
    return boundary(err, [&] {
        auto*& made = result(out, "out");
        const auto name = text(format, format_len, "format");
        made = new rq_completion{Completion(name, yes_or_no(thinking, "thinking"))};
    });
}

int32_t rq_completion_feed(rq_completion* completion, const char* utf8, size_t text_len, rq_error* err) {
    return boundary(err, [&] {
        auto& reading = required(completion, "completion").completion;
        reading.feed(text(utf8, text_len, "text"));
    });
}

int32_t rq_completion_next(rq_completion* completion, int32_t* kind, const char** utf8, size_t* text_len, rq_error* err) {
    return boundary(err, [&] {
        auto& kind_out = result(kind, "kind", RQ_PART_NONE);
        BorrowedText answer(utf8, text_len, "text", "text_len");
        auto& [reading, parts, given] = required(completion, "completion");
        if (given == parts.size()) {
            parts = reading.take();
            given = 0;
        }
        if (given == parts.size()) return answer.give("");
        const CompletionPart& part = parts[given++];
        kind_out = 1 + static_cast<std::int32_t>(part.kind);
        answer.give(part.text);
    });
}

int32_t rq_completion_finish(rq_completion* completion, const char** message, size_t* message_len, rq_error* err) {
    return boundary(err, [&] {
        BorrowedText answer(message, message_len, "message", "message_len");
        answer.give(required(completion, "completion").completion.finish());
    });
}

void rq_completion_free(rq_completion* completion) { delete completion; }
