// rorqual run: a prompt goes in, text comes out as it is written; one line on standard error says how fast.
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "output.hpp"

namespace cli {
namespace {

struct RunArguments {
    ModelArguments model;
    SessionArguments session;
    std::optional<std::string> prompt;
    std::string file;
    bool echo = true;
    bool added_tokens = false;
    bool greedy = false;
    bool ignore_eos = false;
    bool special = false;
    std::uint64_t limit = 0;
    std::vector<std::string> stop;
    std::optional<float> temperature, top_p, min_p, repetition_penalty, presence_penalty;
    std::optional<std::int32_t> top_k;
    std::optional<std::uint64_t> seed;
};

// Ctrl-C reaches the session that is running, from the signal handler. The handler may only touch lock-free atomics.
std::atomic<const rq_session*> interruptible{nullptr};
static_assert(std::atomic<const rq_session*>::is_always_lock_free);

/// While it lives, Ctrl-C cancels the session instead of ending the program; a second one ends it.
class Interruptible {
 public:
    explicit Interruptible(const rq_session* session) {
        interruptible = session;
        std::signal(SIGINT, [](int) {
            rq_session_cancel(interruptible.load());
            std::signal(SIGINT, SIG_DFL);
        });
    }
    ~Interruptible() {
        std::signal(SIGINT, SIG_DFL);
        interruptible = nullptr;
    }
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
};

std::string prompt_text(const RunArguments& arguments) {
    if (arguments.prompt) return *arguments.prompt;
    std::string text = arguments.file.empty() ? read_input() : read_file(arguments.file);
    if (!text.empty() && text.back() == '\n') text.pop_back();  // the line's end is the terminal's, not the prompt's
    return text;
}

rq_sampling_options sampling(const RunArguments& arguments, const rq_model* model) {
    rq_sampling_options options = RQ_SAMPLING_OPTIONS_INIT;
    call(rq_model_sampling, model, &options);
    if (arguments.temperature) options.temperature = *arguments.temperature;
    if (arguments.greedy) options.temperature = 0;
    if (arguments.top_k) options.top_k = *arguments.top_k;
    if (arguments.top_p) options.top_p = *arguments.top_p;
    if (arguments.min_p) options.min_p = *arguments.min_p;
    if (arguments.repetition_penalty) options.repetition_penalty = *arguments.repetition_penalty;
    if (arguments.presence_penalty) options.presence_penalty = *arguments.presence_penalty;
    options.seed = arguments.seed.value_or(0);
    return options;
}

Generation start(rq_session* session, const RunArguments& arguments, const rq_sampling_options& sampling) {
    std::vector<const char*> stop;
    for (const auto& text : arguments.stop) stop.push_back(text.c_str());
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.ignore_stop_tokens = arguments.ignore_eos ? 1 : 0;
    options.special = arguments.special ? 1 : 0;
    options.limit = arguments.limit;
    options.sampling = &sampling;
    options.stop_strings = stop.data();
    options.stop_string_count = stop.size();
    rq_generation* generation = nullptr;
    call(rq_generation_create, session, &options, &generation);
    return Generation(generation);
}

/// Prints pieces until the last; `tokens` counts them.
void write_story(rq_generation* generation, std::uint64_t& tokens) {
    rq_piece piece = RQ_PIECE_INIT;
    do {
        call(rq_generation_next, generation, &piece);
        if (piece.token >= 0) ++tokens;
        print({piece.text, piece.text_len});
    } while (piece.finish == RQ_FINISH_NONE);
}

double per_second(std::uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

/// "12 tokens at 340 tokens/s"; without the rate where nothing was measured.
std::string tokens_text(std::uint64_t count, double rate, int digits) {
    std::array<char, 64> text{};
    const char* const plural = count == 1 ? "" : "s";
    if (rate > 0) {
        std::snprintf(text.data(), text.size(), "%llu token%s at %.*f tokens/s", static_cast<unsigned long long>(count), plural, digits, rate);
    } else {
        std::snprintf(text.data(), text.size(), "%llu token%s", static_cast<unsigned long long>(count), plural);
    }
    return text.data();
}

void print_summary(const RunArguments& arguments, const rq_model* model, rq_session* session, std::size_t prompt_tokens,
                   std::uint64_t story_tokens) {
    rq_metrics metrics = RQ_METRICS_INIT;
    call(rq_session_metrics, session, &metrics);
    const rq_model_info info = info_of(model);
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto peak = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
    const auto folder = std::filesystem::weakly_canonical(arguments.model.path).filename().string();
    const auto read = tokens_text(prompt_tokens, per_second(metrics.prefill_tokens, metrics.prefill_seconds), 0);
    const auto written = tokens_text(story_tokens, per_second(metrics.decode_tokens, metrics.decode_seconds), 1);
    std::fprintf(stderr, "%s (%s), mode %s, %u thread%s, prompt %s, story %s, %s of memory\n", folder.c_str(), text_of(rq_model_type, model).c_str(),
                 mode_text(model, arguments.session).c_str(), info.threads, info.threads == 1 ? "" : "s", read.c_str(), written.c_str(), bytes_text(peak).c_str());
}

void run(const RunArguments& arguments) {
    const Model model = open_model(arguments.model);
    const std::string text = prompt_text(arguments);
    const auto prompt = encode_prompt(model.get(), text, arguments.added_tokens ? RQ_ENCODE_ADDED_TOKENS : 0);
    if (prompt.empty()) throw Failure("the prompt is empty");
    const Session session = new_session(model.get(), arguments.session);
    const rq_sampling_options options = sampling(arguments, model.get());
    bool interrupted = false;
    std::uint64_t story_tokens = 0;
    {
        const Interruptible ctrl_c(session.get());
        try {
            call(rq_session_sync, session.get(), prompt.data(), prompt.size(), static_cast<std::size_t*>(nullptr), static_cast<std::size_t*>(nullptr));
            const Generation generation = start(session.get(), arguments, options);
            if (arguments.echo) print(text);
            write_story(generation.get(), story_tokens);
        } catch (const LibraryError& error) {
            if (error.status != RQ_ERR_CANCELLED) throw;
            interrupted = true;
        }
    }
    print("\n");
    print_summary(arguments, model.get(), session.get(), prompt.size(), story_tokens);
    if (interrupted) throw Failure("", exit_interrupted);
}

}  // namespace

void add_run(CLI::App& program) {
    auto arguments = std::make_shared<RunArguments>();
    auto* command = program.add_subcommand("run", "Continues a prompt and prints the text as it is written");
    command->add_option("model", arguments->model.path, "Model folder or GGUF file")->required();
    auto* prompt = command->add_option("prompt", arguments->prompt, "Text to continue; without it, standard input");
    command->add_option("-f,--file", arguments->file, "Read the prompt from a file")->excludes(prompt);
    command->add_flag("!--no-echo", arguments->echo, "Print the continuation only, without the prompt");
    command->add_flag("--added-tokens", arguments->added_tokens, "Recognise special tokens in the prompt's text");
    command->add_option("-n,--limit", arguments->limit, "Write so many tokens at most; 0 = until the model ends or the context is full");
    command->add_option("--stop", arguments->stop, "End where this text would come; may be given more than once");
    command->add_flag("--ignore-eos", arguments->ignore_eos, "Do not end at the model's own stop tokens");
    command->add_flag("--special", arguments->special, "Show special tokens in the text");
    command->add_flag("--greedy", arguments->greedy, "Always take the likeliest token")->group("Sampling (defaults: what the model recommends)");
    const auto sampling_option = [&](const char* name, auto& to, const char* help) {
        command->add_option(name, to, help)->group("Sampling (defaults: what the model recommends)");
    };
    sampling_option("-t,--temperature", arguments->temperature, "0 = greedy");
    sampling_option("--top-k", arguments->top_k, "Keep the k likeliest tokens");
    sampling_option("--top-p", arguments->top_p, "Keep the likeliest tokens that reach this probability together");
    sampling_option("--min-p", arguments->min_p, "Keep tokens at least this likely, relative to the likeliest");
    sampling_option("--repetition-penalty", arguments->repetition_penalty, "Above 1: tokens seen before become less likely");
    sampling_option("--presence-penalty", arguments->presence_penalty, "Taken from the logits of tokens seen before");
    sampling_option("--seed", arguments->seed, "Same seed, same text");
    add_compute_options(*command, arguments->model, arguments->session, "Computing");
    command->add_option("--context", arguments->session.context, "Room in tokens; 0 = the model's own")->group("Computing");
    command->callback([arguments] { run(*arguments); });
}

}  // namespace cli
