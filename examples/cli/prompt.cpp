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
    std::string model;
    std::string chat_template;
    std::string variables;
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

Tokenizer tokenizer_of(const PromptArguments& arguments, const rq_model* model) {
    rq_tokenizer* handle = nullptr;
    if (!arguments.tokenizer.empty()) {
        const Source source = open_source(arguments.tokenizer);
        call(rq_tokenizer_open, static_cast<const rq_source*>(source.get()), &handle);
    } else if (model != nullptr) {
        call(rq_model_tokenizer, model, &handle);
    } else if (arguments.ids || arguments.format.empty()) {
        throw Failure(arguments.ids ? "--ids needs --tokenizer or --model" : "--format, --tokenizer or --model is needed", exit_usage);
    }
    return Tokenizer(handle);
}

void prompt(const PromptArguments& arguments) {
    Model model;
    if (!arguments.model.empty()) model = open_model({.path = arguments.model, .isa = {}, .headers_only = true});
    const bool needs_tokenizer = arguments.ids || arguments.format.empty() || !arguments.tokenizer.empty();
    const Tokenizer tokenizer = needs_tokenizer ? tokenizer_of(arguments, model.get()) : nullptr;
    const std::string chat_template = arguments.chat_template.empty() ? "" : read_file(arguments.chat_template);
    const std::string messages = arguments.messages == "-" ? read_input() : read_file(arguments.messages);
    rq_prompt_options options = RQ_PROMPT_OPTIONS_INIT;
    options.format = arguments.format.data(), options.format_len = arguments.format.size();
    options.effort = arguments.effort.data(), options.effort_len = arguments.effort.size();
    options.tokenizer = tokenizer.get();
    options.thinking = arguments.thinking;
    options.keep_thinking = arguments.keep_thinking;
    options.no_generation = arguments.no_generation;
    options.model = model.get();
    options.chat_template = chat_template.data(), options.chat_template_len = chat_template.size();
    options.variables = arguments.variables.data(), options.variables_len = arguments.variables.size();
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
    command->add_option("--format", arguments->format, "v2, v3, r1, v3-0324, r1-0528, v3.1, v3.2, v4, or jinja for the template of --model or --template; else the one that suits --model or --tokenizer");
    command->add_flag("--thinking", arguments->thinking, "The model is to reason before it answers");
    command->add_flag("--keep-thinking", arguments->keep_thinking, "Reasoning of earlier turns stays (v3.2, v4)");
    command->add_option("--effort", arguments->effort, "How much it is to reason: high, or max for all there is (v4)");
    command->add_flag("--no-generation", arguments->no_generation, "Do not open an answer (up to v3.1; jinja)");
    command->add_flag("--ids", arguments->ids, "Print the token ids as one JSON array");
    command->add_option("--tokenizer", arguments->tokenizer, "Model folder, GGUF file or tokenizer.json");
    command->add_option("--model", arguments->model, "Model folder or GGUF file: its tokenizer and its chat template");
    command->add_option("--template", arguments->chat_template, "A chat template in Jinja, in place of the model's");
    command->add_option("--variables", arguments->variables, "More of what the template is told: a JSON object");
    command->callback([arguments] { prompt(*arguments); });
}

}  // namespace cli
