// rorqual prompt: a conversation as the text or the token ids that a model expects.
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "library.hpp"
#include "output.hpp"

namespace cli {
namespace {

struct PromptArguments {
    std::string messages;
    std::string format;
    std::string effort;
    std::string tokenizer;
    bool thinking = false;
    bool keep_thinking = false;
    bool no_generation = false;
    bool ids = false;
};

std::string text_of(const rq_prompt* prompt) {
    const char* text = nullptr;
    std::size_t length = 0;
    call(rq_prompt_text, prompt, &text, &length);
    return {text, length};
}

void prompt(const PromptArguments& arguments) {
    Tokenizer tokenizer;
    if (!arguments.tokenizer.empty()) {
        const Source source = open_source(arguments.tokenizer);
        rq_tokenizer* handle = nullptr;
        call(rq_tokenizer_open, static_cast<const rq_source*>(source.get()), &handle);
        tokenizer.reset(handle);
    } else if (arguments.ids || arguments.format.empty()) {
        throw Failure(arguments.ids ? "--ids needs --tokenizer" : "--format or --tokenizer is needed", exit_usage);
    }
    const std::string messages = arguments.messages == "-" ? read_input() : read_file(arguments.messages);
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.format = arguments.format.data(), options.format_len = arguments.format.size();
    options.effort = arguments.effort.data(), options.effort_len = arguments.effort.size();
    options.tokenizer = tokenizer.get();
    options.thinking = arguments.thinking;
    options.keep_thinking = arguments.keep_thinking;
    options.no_generation = arguments.no_generation;
    rq_prompt* handle = nullptr;
    call(rq_prompt_create, messages.data(), messages.size(), static_cast<const rq_prompt_options*>(&options), &handle);
    const Prompt made(handle);
    if (!arguments.ids) return print(text_of(made.get()));
    print(nlohmann::json(ids_of(made.get(), tokenizer.get())).dump() + "\n");
}

}  // namespace

void add_prompt(CLI::App& program) {
    auto arguments = std::make_shared<PromptArguments>();
    auto* command = program.add_subcommand("prompt", "Turns a conversation into the text or the token ids that a model expects");
    command->add_option("messages", arguments->messages, "A JSON array of messages: a file, or - for standard input")->required();
    command->add_option("--format", arguments->format, "v2, v3, r1, v3-0324, r1-0528, v3.1, v3.2 or v4; else the newest that --tokenizer supports");
    command->add_flag("--thinking", arguments->thinking, "The model is to reason before it answers");
    command->add_flag("--keep-thinking", arguments->keep_thinking, "Reasoning of earlier turns stays (v3.2, v4)");
    command->add_option("--effort", arguments->effort, "How much it is to reason: high, or max for all there is (v4)");
    command->add_flag("--no-generation", arguments->no_generation, "Do not open an answer (up to v3.1)");
    command->add_flag("--ids", arguments->ids, "Print the token ids as one JSON array");
    command->add_option("--tokenizer", arguments->tokenizer, "Model folder, GGUF file or tokenizer.json");
    command->callback([arguments] { prompt(*arguments); });
}

}  // namespace cli
