#include "compute_options.hpp"

namespace cli {

CLI::Option* add_isa_option(CLI::App& command, ModelArguments& model) {
    return command.add_option("--isa", model.isa, "Kernels of one instruction set, by name");
}

CLI::Option* add_cache_option(CLI::App& command, SessionArguments& session) {
    return command.add_option("--cache", session.cache, "How earlier tokens are remembered (compact: DeepSeek-V4); without it, int8 in mode fast")->check(CLI::IsMember({"f32", "bf16", "int8", "compact"}));
}

CLI::Option* add_chunk_option(CLI::App& command, SessionArguments& session) {
    return command.add_option("--chunk", session.chunk, "Evaluate prompts in pieces of so many tokens");
}

void add_compute_options(CLI::App& command, ModelArguments& model, SessionArguments& session, const std::string& group) {
    auto* const threads = command.add_option("--threads", model.threads, "0 = one per physical core");
    auto* const mode = command.add_option("--mode", session.mode, "exact or fast; without it, fast where weights are quantised")->check(CLI::IsMember({"exact", "fast"}));
    for (auto* const option : {threads, add_isa_option(command, model), mode, add_cache_option(command, session), add_chunk_option(command, session)}) {
        if (!group.empty()) option->group(group);
    }
}

void add_drafting_options(CLI::App& command, SessionArguments& session, const std::string& group) {
    auto* const who = command.add_option("--draft", session.drafting, "Guess tokens ahead, for the model to verify several at a time: lookup (in the text so far) or head (the model's own layer for it)")
                          ->check(CLI::IsMember({"lookup", "head"}));
    auto* const most = command.add_option("--draft-tokens", session.draft_tokens, "Guesses at a time, at most; 0 = the library's choice")->needs(who);
    for (auto* const option : {who, most}) {
        if (!group.empty()) option->group(group);
    }
}

}  // namespace cli
