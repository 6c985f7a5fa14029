#include "sampling_arguments.hpp"

namespace cli {

void add_sampling_options(CLI::App& command, SamplingArguments& arguments) {
    const char* const group = "Sampling (defaults: what the model recommends)";
    command.add_flag("--greedy", arguments.greedy, "Always take the likeliest token")->group(group);
    const auto add = [&](const char* name, auto& to, const char* help) { command.add_option(name, to, help)->group(group); };
    add("-t,--temperature", arguments.temperature, "0 = greedy");
    add("--top-k", arguments.top_k, "Keep the k likeliest tokens");
    add("--top-p", arguments.top_p, "Keep the likeliest tokens that reach this probability together");
    add("--min-p", arguments.min_p, "Keep tokens at least this likely, relative to the likeliest");
    add("--repetition-penalty", arguments.repetition_penalty, "Above 1: tokens seen before become less likely");
    add("--presence-penalty", arguments.presence_penalty, "Taken from the logits of tokens seen before");
    add("--seed", arguments.seed, "Same seed, same text");
}

rq_sampling_options sampling_options(const SamplingArguments& arguments, const rq_model* model) {
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

}  // namespace cli
