// rorqual chat: a conversation with a model. Answers go to standard output, all else to standard error.
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "chat_answer.hpp"
#include "chat_input.hpp"
#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "output.hpp"
#include "sampling_arguments.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

struct ChatArguments {
    ModelArguments model;
    SessionArguments session;
    SamplingArguments sampling;
    std::string system, format;
    bool thinking = false;
    std::uint64_t limit = 0;
};

constexpr const char* help =
    "/save FILE     write the conversation as JSON      /load FILE   go on with one that was saved\n"
    "/think on|off  reason before answering             /clear       begin anew\n"
    "/stats         speed and use of the context        /help        this\n"
    "A line that ends in \\ goes on in the next; pasted lines are one message; // begins one that starts with a slash.\n"
    "Ctrl-C stops an answer. Ctrl-D, or Ctrl-C twice, leaves.";

void tell(const std::string& line) {
    if (!line.empty()) std::fprintf(stderr, "%s\n", line.c_str());
}

// What every format understands.
const Json question = Json::array({{{"role", "user"}, {"content", "?"}}});

double rate(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

class Chat {
 public:
    explicit Chat(const ChatArguments& arguments)
        : arguments_(arguments), model_(open_model(arguments.model)), session_(new_session(model_.get(), arguments.session)) {
        rq_tokenizer* tokenizer = nullptr;
        call(rq_model_tokenizer, static_cast<const rq_model*>(model_.get()), &tokenizer);
        tokenizer_.reset(tokenizer);
        settings_.model = model_.get();
        settings_.terminal = ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1;
        settings_.thinking = arguments.thinking;
        settings_.limit = arguments.limit;
        settings_.sampling = sampling_options(arguments.sampling, model_.get());
        choose_format();
        clear();
    }

    /// Until the user leaves. Whether all went well.
    bool run() {
        if (settings_.terminal) tell("Format " + settings_.format + ", room for " + std::to_string(capacity()) + " tokens. /help tells more.");
        MessageReader reader(settings_.terminal);
        std::string message;
        for (bool again = false;;) {
            const auto got = reader.read(message);
            if (got == MessageReader::Got::interrupted) {
                if (!settings_.terminal) throw Failure("", exit_interrupted);
                print("\n");
                if (again) return true;
                tell("Ctrl-C again or Ctrl-D leaves.");
                again = true;
                continue;
            }
            if (got == MessageReader::Got::end) {
                if (settings_.terminal) print("\n");
                return well_;
            }
            again = false;
            take(message);
        }
    }

 private:
    // Nothing that goes wrong ends a conversation.
    void take(const std::string& message) {
        if (message.find_first_not_of(" \t\r\n") == std::string::npos) return;
        try {
            if (message.starts_with('/') && !message.starts_with("//")) return command(message);
            say(message.starts_with("//") ? message.substr(1) : message);
        } catch (const std::exception& error) {
            tell(error.what());
            well_ = false;
        }
    }

    void say(const std::string& text) {
        Json messages = messages_;
        messages.push_back({{"role", "user"}, {"content", text}});
        AnswerSettings settings = settings_;
        settings.sampling.seed += answers_++;
        Answer given = answer(session_.get(), tokenizer_.get(), messages, settings);
        if (given.message.is_null()) {
            if (given.note.empty()) given.note = "the model has nothing to say";
            throw Failure(given.note + "; your message is not part of the conversation");
        }
        messages.push_back(std::move(given.message));
        messages_ = std::move(messages);
        tell(given.note.empty() ? "" : "[" + given.note + "]");
    }

    void command(const std::string& line) {
        const auto space = line.find(' ');
        const std::string name = line.substr(0, space), argument = space == std::string::npos ? "" : line.substr(space + 1);
        if (name == "/save" && !argument.empty()) {
            save(argument);
        } else if (name == "/load" && !argument.empty()) {
            load(argument);
        } else if (name == "/think" && (argument == "on" || argument == "off")) {
            think(argument == "on");
        } else if (name == "/clear" && argument.empty()) {
            clear();
        } else if (name == "/stats" && argument.empty()) {
            print_stats();
        } else if (name == "/help" && argument.empty()) {
            tell(help);
        } else {
            throw Failure(line + ": no such command\n" + help);
        }
    }

    void save(const std::string& path) const {
        const std::string text = messages_.dump(2) + "\n";
        WholeFile file(path);
        file.write(text.data(), text.size());
        file.commit();
        tell(std::to_string(messages_.size()) + " messages in " + path);
    }

    void load(const std::string& path) {
        const Json messages = Json::parse(read_file(path), nullptr, false);
        if (!messages.is_array()) throw Failure(path + ": no JSON array of messages");
        try {
            (void)make_prompt(messages, settings_);
        } catch (const LibraryError& error) {
            throw Failure(path + ": " + error.what());
        }
        messages_ = messages;
        tell(std::to_string(messages_.size()) + " messages from " + path);
    }

    void think(bool wanted) {
        AnswerSettings settings = settings_;
        settings.thinking = wanted;
        (void)make_prompt(question, settings);  // refuses what the format does not know
        settings_ = settings;
    }

    void clear() {
        messages_ = Json::array();
        if (!arguments_.system.empty()) messages_.push_back({{"role", "system"}, {"content", arguments_.system}});
    }

    void print_stats() const {
        rq_metrics metrics = RQ_METRICS_INIT;
        call(rq_session_metrics, session_.get(), &metrics);
        std::size_t length = 0;
        call(rq_session_length, session_.get(), &length);
        tell(line("prompts %llu tokens at %.0f tokens/s, answers %llu at %.1f, context %zu of %zu tokens, cache %s",
                  static_cast<unsigned long long>(metrics.prefill_tokens), rate(metrics.prefill_tokens, metrics.prefill_seconds),
                  static_cast<unsigned long long>(metrics.decode_tokens), rate(metrics.decode_tokens, metrics.decode_seconds), length, capacity(),
                  bytes_text(metrics.cache_bytes).c_str()));
    }

    [[nodiscard]] std::size_t capacity() const {
        std::size_t capacity = 0;
        call(rq_session_capacity, session_.get(), &capacity);
        return capacity;
    }

    void choose_format() {
        settings_.format = arguments_.format;
        try {
            const Prompt prompt = make_prompt(question, settings_);
            const char* name = nullptr;
            std::size_t length = 0;
            call(rq_prompt_format, static_cast<const rq_prompt*>(prompt.get()), &name, &length);
            settings_.format.assign(name, length);
        } catch (const LibraryError& error) {
            if (error.status != RQ_ERR_UNSUPPORTED || !arguments_.format.empty()) throw;
            throw Failure(arguments_.model.path + ": " + error.what() + " with --format");
        }
    }

    const ChatArguments& arguments_;
    Model model_;
    Session session_;
    Tokenizer tokenizer_;
    AnswerSettings settings_;
    Json messages_;
    std::uint64_t answers_ = 0;
    bool well_ = true;
};

}  // namespace

void add_chat(CLI::App& program) {
    auto arguments = std::make_shared<ChatArguments>();
    auto* command = program.add_subcommand("chat", "Talks with a model; without a terminal, each line of standard input is a message");
    command->add_option("model", arguments->model.path, "Model folder or GGUF file")->required();
    command->add_option("--system", arguments->system, "What the model is told before the conversation");
    command->add_option("--format", arguments->format, "v2, v3, r1, v3-0324, r1-0528, v3.1, v3.2, v4, or jinja for the model's own chat template; else the one that suits the model");
    command->add_flag("--thinking", arguments->thinking, "The model is to reason before it answers");
    command->add_option("-n,--limit", arguments->limit, "Tokens of an answer at most; 0 = as many as the context has room for");
    add_sampling_options(*command, arguments->sampling);
    add_compute_options(*command, arguments->model, arguments->session, "Computing");
    command->add_option("--context", arguments->session.context, "Room in tokens; 0 = the model's own")->group("Computing");
    command->footer(help);
    command->callback([arguments] {
        if (!Chat(*arguments).run()) throw Failure("", exit_failed);
    });
}

}  // namespace cli
