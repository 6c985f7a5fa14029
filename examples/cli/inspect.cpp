// rorqual inspect: what a checkpoint is, what memory it needs, and how it would be computed.
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "output.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;

struct InspectArguments {
    ModelArguments model;
    SessionArguments session;
    bool tensors = false;
    bool config = false;
    bool json = false;
};

std::vector<std::int32_t> stop_tokens(const rq_model* model) {
    std::size_t count = 0;
    call(rq_model_stop_tokens, model, static_cast<std::int32_t*>(nullptr), std::size_t{0}, &count);
    std::vector<std::int32_t> tokens(count);
    call(rq_model_stop_tokens, model, tokens.data(), tokens.size(), &count);
    return tokens;
}

std::vector<rq_tensor_info> tensors_of(const rq_model* model) {
    std::size_t count = 0;
    call(rq_model_tensor_count, model, &count);
    std::vector<rq_tensor_info> tensors(count);
    for (std::size_t i = 0; i < count; ++i) {
        tensors[i] = RQ_TENSOR_INFO_INIT;
        call(rq_model_tensor, model, i, &tensors[i]);
    }
    return tensors;
}

std::vector<std::int64_t> shape_of(const rq_tensor_info& tensor) { return {tensor.shape, tensor.shape + tensor.rank}; }

Json describe(const InspectArguments& arguments, const rq_model* model) {
    const rq_model_info info = info_of(model);
    rq_plan plan = RQ_PLAN_INIT;
    const rq_session_options options = session_options(arguments.session);
    call(rq_model_plan, model, &options, &plan);
    Json text;
    text["type"] = text_of(rq_model_type, model);
    text["identity"] = text_of(rq_model_identity, model);
    text["parameters"] = info.parameters;
    text["active_parameters"] = info.active_parameters;
    text["layers"] = info.layers;
    text["dense_layers"] = info.dense_layers;
    text["hidden_size"] = info.hidden_size;
    text["heads"] = info.heads;
    text["routed_experts"] = info.routed_experts;
    text["experts_per_token"] = info.experts_per_token;
    text["vocab_size"] = info.vocab_size;
    text["context"] = info.context;
    text["tokenizer"] = info.has_tokenizer != 0;
    text["bos_token"] = info.bos_token;
    text["stop_tokens"] = stop_tokens(model);
    text["plan"] = {{"weights_bytes", plan.weights_bytes}, {"weights_mapped_bytes", plan.weights_mapped_bytes}, {"context_tokens", plan.context_tokens}, {"cache_per_token_bytes", plan.cache_per_token_bytes}, {"cache_bytes", plan.cache_bytes}, {"scratch_bytes", plan.scratch_bytes}, {"peak_bytes", plan.peak_bytes}};
    return text;
}

std::string millions(std::uint64_t count) {
    char text[32];
    std::snprintf(text, sizeof text, count >= 1000000000 ? "%.2f billion" : "%.2f million",
                  static_cast<double>(count) / (count >= 1000000000 ? 1e9 : 1e6));
    return text;
}

std::string for_people(const Json& model) {
    const auto number = [&](const char* key) { return std::to_string(model[key].get<std::int64_t>()); };
    const auto bytes = [&](const char* key) { return bytes_text(model["plan"][key].get<std::uint64_t>()); };
    std::string text;
    const auto line = [&](const std::string& label, const std::string& value) {
        text += label + std::string(label.size() < 12 ? 12 - label.size() : 1, ' ') + value + "\n";
    };
    line("type", model["type"]);
    line("identity", model["identity"]);
    line("parameters", millions(model["parameters"]) + ", of which " + millions(model["active_parameters"]) + " per token");
    line("layers", number("layers") + " of width " + number("hidden_size") + ", " + number("heads") + " heads");
    if (model["routed_experts"].get<std::int64_t>() > 0) {
        line("experts", number("experts_per_token") + " of " + number("routed_experts") + " per token; the feed-forward of " +
                            number("dense_layers") + " layer" + (model["dense_layers"] == 1 ? " is" : "s is") + " dense");
    }
    line("vocabulary", number("vocab_size") + (model["tokenizer"] ? "" : " (no tokenizer: token ids only)"));
    line("context", number("context") + " tokens");
    line("weights", bytes("weights_bytes") + ", " + bytes("weights_mapped_bytes") + " of them mapped from files");
    line("cache", bytes("cache_per_token_bytes") + " per token, " + bytes("cache_bytes") + " for " +
                      std::to_string(model["plan"]["context_tokens"].get<std::uint64_t>()) + " tokens");
    line("scratch", bytes("scratch_bytes"));
    line("peak", bytes("peak_bytes") + " with one session of that length");
    return text;
}

void inspect(const InspectArguments& arguments) {
    ModelArguments only_headers = arguments.model;
    only_headers.headers_only = true;
    const Model model = open_model(only_headers);
    Json description = describe(arguments, model.get());
    if (arguments.json) {
        if (arguments.config) description["config"] = Json::parse(text_of(rq_model_config, model.get()));
        if (arguments.tensors) {
            for (const auto& tensor : tensors_of(model.get())) {
                description["tensors"].push_back({{"name", std::string(tensor.name, tensor.name_len)}, {"dtype", rq_dtype_name(tensor.dtype)}, {"shape", shape_of(tensor)}, {"bytes", tensor.size_bytes}, {"file", std::string(tensor.file, tensor.file_len)}});
            }
        }
        description["kernels"] = text_of(rq_model_kernels, model.get());
        return print(description.dump(2) + "\n");
    }
    print(for_people(description));
    print("\n" + text_of(rq_model_kernels, model.get()) + "\n");
    if (arguments.config) print("\n" + text_of(rq_model_config, model.get()) + "\n");
    if (!arguments.tensors) return;
    print("\n");
    for (const auto& tensor : tensors_of(model.get())) {
        std::string shape;
        for (const std::int64_t extent : shape_of(tensor)) shape += (shape.empty() ? "" : " x ") + std::to_string(extent);
        print(std::string(tensor.name, tensor.name_len) + "  " + rq_dtype_name(tensor.dtype) + "  [" + shape + "]  " + std::string(tensor.file, tensor.file_len) + "\n");
    }
}

}  // namespace

void add_inspect(CLI::App& program) {
    auto arguments = std::make_shared<InspectArguments>();
    auto* command = program.add_subcommand("inspect", "Tells what a model is and what memory it needs");
    command->add_option("model", arguments->model.path, "Model folder or GGUF file")->required();
    command->add_flag("--tensors", arguments->tensors, "List every tensor");
    command->add_flag("--config", arguments->config, "Show the config");
    command->add_flag("--json", arguments->json, "Print JSON");
    command->add_option("--context", arguments->session.context, "Plan for so many tokens; 0 = the model's own context");
    add_chunk_option(*command, arguments->session);
    add_cache_option(*command, arguments->session);
    add_isa_option(*command, arguments->model);
    command->callback([arguments] { inspect(*arguments); });
}

}  // namespace cli
