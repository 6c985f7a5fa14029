#include "chat_answer.hpp"

#include "interruptible.hpp"
#include "output.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view end_of_sentence = "<｜end▁of▁sentence｜>";

/// Shows an answer while it is read, and gathers it for the case that it never becomes whole.
class Reading {
 public:
    explicit Reading(const AnswerSettings& settings) : terminal_(settings.terminal), ends_(settings.format != "jinja") {
        rq_completion* completion = nullptr;
        call(rq_completion_create, settings.format.data(), settings.format.size(), settings.thinking ? 1U : 0U, &completion);
        completion_.reset(completion);
    }

    void feed(std::string_view text) {
        try {
            call(rq_completion_feed, completion_.get(), text.data(), text.size());
        } catch (...) {
            show_parts();
            throw;
        }
        show_parts();
    }

    /// The message: that of the format, or where the answer is not whole, what there is of it.
    Json finish() {
        rq_error error = RQ_ERROR_INIT;
        const char* text = nullptr;
        std::size_t length = 0;
        if (!ends_ || rq_completion_feed(completion_.get(), end_of_sentence.data(), end_of_sentence.size(), &error) == RQ_OK) {
            (void)rq_completion_finish(completion_.get(), &text, &length, &error);
        }
        show_parts();
        dim(false);
        if (!content_.empty() || (terminal_ && !reasoning_.empty())) print("\n");
        if (content_.empty() && reasoning_.empty() && !calls_) return nullptr;
        if (error.code == RQ_OK && length > 0) return Json::parse(std::string_view(text, length));
        Json message = {{"role", "assistant"}, {"content", content_}};
        if (!reasoning_.empty()) message["reasoning_content"] = reasoning_;
        return message;
    }

 private:
    void show_parts() {
        for (;;) {
            std::int32_t kind = RQ_PART_NONE;
            const char* text = nullptr;
            std::size_t length = 0;
            call(rq_completion_next, completion_.get(), &kind, &text, &length);
            if (kind == RQ_PART_NONE) return;
            show(kind, {text, length});
        }
    }

    void show(std::int32_t kind, std::string_view text) {
        if (kind == RQ_PART_CONTENT) content_ += text;
        if (kind == RQ_PART_REASONING) reasoning_ += text;
        calls_ = calls_ || kind == RQ_PART_TOOL_CALL;
        if (!terminal_) return kind == RQ_PART_CONTENT ? print(text) : void();
        if (kind == RQ_PART_CONTENT && !reasoning_.empty() && content_.size() == text.size()) print("\n\n");
        dim(kind != RQ_PART_CONTENT);
        if (kind == RQ_PART_TOOL_CALL) print("\n");
        print(without_controls(text));
        if (kind == RQ_PART_TOOL_CALL) print(" ");
    }

    // What a model writes must not steer the terminal.
    static std::string without_controls(std::string_view text) {
        std::string shown(text);
        for (char& c : shown) {
            const auto byte = static_cast<unsigned char>(c);
            if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7F) c = '?';
        }
        return shown;
    }

    void dim(bool wanted) {
        if (terminal_ && wanted != dimmed_) print(wanted ? "\033[2m" : "\033[0m");
        dimmed_ = wanted;
    }

    Completion completion_;
    bool terminal_;
    bool ends_;  // the format knows how its answers end
    bool dimmed_ = false;
    bool calls_ = false;
    std::string reasoning_, content_;
};

Generation start(rq_session* session, const AnswerSettings& settings) {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.special = 1;  // the markers
    options.limit = settings.limit;
    options.sampling = &settings.sampling;
    rq_generation* generation = nullptr;
    call(rq_generation_create, session, static_cast<const rq_generation_options*>(&options), &generation);
    return Generation(generation);
}

/// Why a generation ended, where it is not the model that did.
std::string note_on(std::int32_t finish) {
    if (finish == RQ_FINISH_LIMIT) return "the answer has reached its limit";
    if (finish == RQ_FINISH_CONTEXT_FULL) return "the context is full: /clear begins anew, --context makes room";
    return "";
}

}  // namespace

Prompt make_prompt(const Json& messages, const AnswerSettings& settings) {
    const std::string json = messages.dump();
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.format = settings.format.data(), options.format_len = settings.format.size();
    options.thinking = settings.thinking ? 1 : 0;
    options.model = settings.model;
    rq_prompt* prompt = nullptr;
    call(rq_prompt_create, json.data(), json.size(), static_cast<const rq_prompt_options*>(&options), &prompt);
    return Prompt(prompt);
}

Answer answer(rq_session* session, const rq_tokenizer* tokenizer, const Json& messages, const AnswerSettings& settings) {
    const auto ids = ids_of(make_prompt(messages, settings).get(), tokenizer);
    Reading reading(settings);
    std::string note;
    const Interruptible ctrl_c(session, Interruptible::Again::cancels_too);
    try {
        call(rq_session_sync, session, ids.data(), ids.size(), static_cast<std::size_t*>(nullptr), static_cast<std::size_t*>(nullptr));
        const Generation generation = start(session, settings);
        rq_piece piece = RQ_PIECE_INIT;
        do {
            call(rq_generation_next, generation.get(), &piece);
            reading.feed({piece.text, piece.text_len});
        } while (piece.finish == RQ_FINISH_NONE);
        note = note_on(piece.finish);
    } catch (const LibraryError& error) {
        note = error.status == RQ_ERR_CANCELLED ? "stopped" : error.what();
    }
    return {reading.finish(), note};
}

}  // namespace cli
