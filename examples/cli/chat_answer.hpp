#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "library.hpp"

namespace cli {

/// How an answer is asked for and shown.
struct AnswerSettings {
    std::string format;               // of the prompt
    const rq_model* model = nullptr;  // whose tokenizer and chat template it is made with
    bool thinking = false;
    bool terminal = false;  // reasoning and calls are shown, dimmed; else only the text
    std::uint64_t limit = 0;
    rq_sampling_options sampling = RQ_SAMPLING_OPTIONS_INIT;
};

struct Answer {
    nlohmann::ordered_json message;  // for the conversation; null where nothing was written
    std::string note;                // why it ended early; "" where it did not
};

/// The prompt of a conversation. LibraryError that names the place for messages that the format does not understand.
[[nodiscard]] Prompt make_prompt(const nlohmann::ordered_json& messages, const AnswerSettings& settings);

/// Lets a model answer a conversation, showing what it writes on standard output. The session keeps what it has of the prompt already.
/// Ctrl-C ends the answer.
[[nodiscard]] Answer answer(rq_session* session, const rq_tokenizer* tokenizer, const nlohmann::ordered_json& messages, const AnswerSettings& settings);

}  // namespace cli
