// rorqual run: a prompt goes in, text comes out as it is written; one line on standard error says how fast.
#include <sys/resource.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>

#include "commands.hpp"
#include "compute_options.hpp"
#include "interruptible.hpp"
#include "library.hpp"
#include "output.hpp"
#include "sampling_arguments.hpp"

namespace cli {
namespace {

struct RunArguments {
    ModelArguments model;
    SessionArguments session;
    SamplingArguments sampling;
    std::optional<std::string> prompt;
    std::string file;
    bool echo = true;
    bool added_tokens = false;
    bool ignore_eos = false;
    bool special = false;
    std::uint64_t limit = 0;
    std::vector<std::string> stop;
    std::string grammar, schema, grammar_after;
};

std::string prompt_text(const RunArguments& arguments) {
    if (arguments.prompt) return *arguments.prompt;
    std::string text = arguments.file.empty() ? read_input() : read_file(arguments.file);
    if (!text.empty() && text.back() == '\n') text.pop_back();  // the line's end is the terminal's, not the prompt's
    return text;
}

/// What the text may be; null = anything.
Grammar grammar(const RunArguments& arguments) {
    rq_grammar* made = nullptr;
    if (!arguments.grammar.empty()) {
        const auto rules = read_file(arguments.grammar);
        call(rq_grammar_from_rules, rules.data(), rules.size(), &made);
    } else if (!arguments.schema.empty()) {
        const auto schema = read_file(arguments.schema);
        call(rq_grammar_from_json_schema, schema.data(), schema.size(), &made);
    }
    return Grammar(made);
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
    const Grammar held = grammar(arguments);
    options.grammar = held.get();
    if (!arguments.grammar_after.empty()) options.grammar_after = arguments.grammar_after.c_str();
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
    const auto written = tokens_text(story_tokens, per_second(metrics.decode_tokens + metrics.kept_guesses, metrics.decode_seconds), 1);
    const auto guessed = metrics.guesses == 0 ? "" : " (" + std::to_string(metrics.kept_guesses) + " of " + std::to_string(metrics.guesses) + " guesses held)";
    std::fprintf(stderr, "%s (%s), mode %s, %u thread%s, prompt %s, story %s%s, %s of memory\n", folder.c_str(), text_of(rq_model_type, model).c_str(),
                 mode_text(model, arguments.session).c_str(), info.threads, info.threads == 1 ? "" : "s", read.c_str(), written.c_str(), guessed.c_str(), bytes_text(peak).c_str());
}

void run(const RunArguments& arguments) {
    const Model model = open_model(arguments.model);
    const std::string text = prompt_text(arguments);
    const auto prompt = encode_prompt(model.get(), text, arguments.added_tokens ? RQ_ENCODE_ADDED_TOKENS : 0);
    if (prompt.empty()) throw Failure("the prompt is empty");
    const Session session = new_session(model.get(), arguments.session);
    const rq_sampling_options options = sampling_options(arguments.sampling, model.get());
    bool interrupted = false;
    std::uint64_t story_tokens = 0;
    {
        const Interruptible ctrl_c(session.get(), Interruptible::Again::ends_the_program);
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
    auto* rules = command->add_option("--grammar", arguments->grammar, "Write only what the rules in this file admit");
    command->add_option("--json-schema", arguments->schema, "Write only JSON that the schema in this file admits")->excludes(rules);
    command->add_option("--grammar-after", arguments->grammar_after, "Hold to them behind this text only, such as </think>");
    command->add_flag("--ignore-eos", arguments->ignore_eos, "Do not end at the model's own stop tokens");
    command->add_flag("--special", arguments->special, "Show special tokens in the text");
    add_sampling_options(*command, arguments->sampling);
    add_compute_options(*command, arguments->model, arguments->session, "Computing");
    add_drafting_options(*command, arguments->session, "Computing");
    command->add_option("--context", arguments->session.context, "Room in tokens; 0 = the model's own")->group("Computing");
    command->callback([arguments] { run(*arguments); });
}

}  // namespace cli
