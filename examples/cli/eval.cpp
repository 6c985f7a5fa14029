// rorqual eval: logits, greedy continuations and chosen experts for given token ids, to be compared with another engine's.
#include <algorithm>
#include <map>
#include <memory>

#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "safetensors.hpp"

namespace cli {
namespace {

struct EvalArguments {
    ModelArguments model;
    SessionArguments session;
    std::string in;
    std::string out;
    std::int64_t greedy = 0;
    bool experts = false;
    bool mtp = false;
};

using Prompts = std::map<std::string, std::vector<std::int32_t>>;

Prompts read_prompts(const std::string& path, std::int64_t vocab_size) {
    Prompts prompts;
    for (const auto& [name, ids] : read_integer_tensors(path, "input_ids.")) {
        const auto outside = [&](std::int64_t id) { return id < 0 || id >= vocab_size; };
        if (ids.empty()) throw Failure(path + ": input_ids." + name + ": no tokens");
        if (const auto bad = std::find_if(ids.begin(), ids.end(), outside); bad != ids.end()) {
            throw Failure(path + ": input_ids." + name + ": token " + std::to_string(*bad) + " is outside the vocabulary of " + std::to_string(vocab_size));
        }
        prompts[name].assign(ids.begin(), ids.end());
    }
    if (prompts.empty()) throw Failure(path + ": no tensor named input_ids.…");
    return prompts;
}

std::vector<TensorHeader> headers(const EvalArguments& arguments, const Prompts& prompts, const rq_model_info& info) {
    std::vector<TensorHeader> tensors;
    for (const auto& [name, ids] : prompts) {
        const auto length = static_cast<std::int64_t>(ids.size());
        tensors.push_back({"logits." + name, "F32", {length, info.vocab_size}});
        if (arguments.experts) tensors.push_back({"experts." + name, "I32", {info.layers - info.dense_layers, length, info.experts_per_token}});
        if (arguments.greedy > 0) tensors.push_back({"greedy." + name, "I64", {arguments.greedy}});
        if (arguments.mtp) tensors.push_back({"mtp_logits." + name, "F32", {length - 1, info.vocab_size}});
    }
    return tensors;
}

/// Collects the experts of a prompt, which may be evaluated in pieces, layer after layer.
struct ExpertLog {
    std::map<std::int64_t, std::vector<std::int32_t>> of_layer;

    static std::int32_t see(std::int64_t layer, std::int64_t, std::int64_t tokens, std::int64_t per_token, const std::int32_t* ids, const float*, void* user) {
        auto& all = static_cast<ExpertLog*>(user)->of_layer[layer];
        all.insert(all.end(), ids, ids + tokens * per_token);
        return 0;
    }
    [[nodiscard]] std::vector<std::int32_t> layer_after_layer() const {
        std::vector<std::int32_t> all;
        for (const auto& [layer, ids] : of_layer) all.insert(all.end(), ids.begin(), ids.end());
        return all;
    }
};

std::vector<std::int64_t> greedy_continuation(rq_session* session, std::int64_t count) {
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.ignore_stop_tokens = 1;
    options.limit = static_cast<std::uint64_t>(count);
    rq_generation* handle = nullptr;
    call(rq_generation_create, session, &options, &handle);
    const Generation generation(handle);
    std::vector<std::int64_t> tokens;
    rq_piece piece = RQ_PIECE_INIT;
    do {
        call(rq_generation_next, generation.get(), &piece);
        if (piece.token >= 0) tokens.push_back(piece.token);
    } while (piece.finish == RQ_FINISH_NONE);
    if (static_cast<std::int64_t>(tokens.size()) != count) throw Failure("--greedy " + std::to_string(count) + ": the context is full after " + std::to_string(tokens.size()) + " tokens");
    return tokens;
}

void evaluate(const EvalArguments& arguments, const rq_model* model, const rq_model_info& info, const std::vector<std::int32_t>& ids, SafetensorsWriter& out) {
    const Session session = new_session(model, arguments.session);
    ExpertLog log;
    rq_observer observer = RQ_OBSERVER_INIT;
    observer.experts = ExpertLog::see;
    observer.user = &log;
    if (arguments.experts) call(rq_session_observe, session.get(), static_cast<const rq_observer*>(&observer));
    std::vector<float> logits(ids.size() * static_cast<std::size_t>(info.vocab_size));
    std::vector<float> drafts(arguments.mtp ? logits.size() : 0);
    if (arguments.mtp) {
        call(rq_session_append_drafts, session.get(), ids.data(), ids.size(), logits.data(), logits.size(), drafts.data(), drafts.size());
        drafts.erase(drafts.begin(), drafts.begin() + static_cast<std::ptrdiff_t>(info.vocab_size));  // of the first token there are none
    } else {
        call(rq_session_append, session.get(), ids.data(), ids.size(), logits.data(), logits.size());
    }
    call(rq_session_observe, session.get(), static_cast<const rq_observer*>(nullptr));
    out.write(logits);
    if (arguments.experts) out.write(log.layer_after_layer());
    if (arguments.greedy > 0) out.write(greedy_continuation(session.get(), arguments.greedy));
    if (arguments.mtp) out.write(drafts);
}

void eval(const EvalArguments& arguments) {
    const Model model = open_model(arguments.model);
    const rq_model_info info = info_of(model.get());
    if (arguments.mtp && info.has_draft_head == 0) throw Failure(arguments.model.path + ": --mtp: the model has no layer that predicts further tokens");
    const Prompts prompts = read_prompts(arguments.in, info.vocab_size);
    SafetensorsWriter out(arguments.out, headers(arguments, prompts, info));
    for (const auto& [name, ids] : prompts) {
        try {
            evaluate(arguments, model.get(), info, ids, out);
        } catch (const LibraryError& error) {
            throw Failure(arguments.in + ": input_ids." + name + ": " + error.what());
        }
    }
    out.commit();
}

}  // namespace

void add_eval(CLI::App& program) {
    auto arguments = std::make_shared<EvalArguments>();
    auto* command = program.add_subcommand("eval", "Computes logits for given token ids, to compare with another engine");
    command->add_option("model", arguments->model.path, "Model folder or GGUF file")->required();
    command->add_option("--in", arguments->in, "Safetensors file with tensors input_ids.X (I64 or I32)")->required();
    command->add_option("--out", arguments->out, "File to write: logits.X [T, V] F32, and what is asked for below")->required();
    command->add_option("--greedy", arguments->greedy, "Also greedy.X [N] I64: the N likeliest tokens that follow, stop tokens ignored")->check(CLI::Range(1, 1 << 24));
    command->add_flag("--experts", arguments->experts, "Also experts.X [expert layers, T, k] I32");
    command->add_flag_callback(
        "--mtp", [arguments] { arguments->mtp = true, arguments->session.drafting = "head"; }, "Also mtp_logits.X [T-1, V] F32: what the layer that predicts further tokens expects after each token but the first");
    add_compute_options(*command, arguments->model, arguments->session);
    arguments->session.mode = "exact";  // what others are compared with
    command->get_option("--mode")->description("exact or fast; without it, exact");
    command->callback([arguments] { eval(*arguments); });
}

}  // namespace cli
