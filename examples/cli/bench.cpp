// rorqual bench: how fast prompts are read and tokens written, at growing context, beside what the machine can do.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "machine.hpp"
#include "output.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;
using Counts = std::vector<std::uint64_t>;

struct BenchArguments {
    ModelArguments model;
    SessionArguments session;
    Counts prefill = {512, 2048};
    Counts decode = {0, 512, 2048, 8192};
    std::uint64_t tokens = 32;
    int repetitions = 3;
    bool json = false;
};

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// Random ids: which experts they choose, and so what has to be read, is as varied as text's.
class RandomTokens {
 public:
    explicit RandomTokens(std::int64_t vocab_size) : id_(0, static_cast<std::int32_t>(vocab_size - 1)) {}
    std::vector<std::int32_t> take(std::uint64_t count) {
        std::vector<std::int32_t> ids(count);
        for (auto& id : ids) id = id_(engine_);
        return ids;
    }

 private:
    std::mt19937 engine_{1};
    std::uniform_int_distribution<std::int32_t> id_;
};

/// Evaluates tokens, and the logits after the last, as generating does.
void evaluate(rq_session* session, const std::vector<std::int32_t>& tokens) {
    call(rq_session_append, session, tokens.data(), tokens.size(), static_cast<float*>(nullptr), std::size_t{0});
    const float* logits = nullptr;
    std::size_t count = 0;
    call(rq_session_logits, session, &logits, &count);
}

/// What one token needs at least: bytes of weights that are read for it, and multiply-adds with them.
struct Need {
    double bytes = 0;        ///< read to decode a token with an empty cache
    double cache_bytes = 0;  ///< of each token before it
    double macs = 0;         ///< with weights, per token of a prompt; the output matrix meets the last alone
};

bool has(std::string_view name, std::string_view part) { return name.find(part) != name.npos; }

Need need_of(const rq_model* model, const rq_model_info& info, const rq_session_options& options) {
    Need need;
    std::size_t count = 0;
    call(rq_model_tensor_count, model, &count);
    bool tied = true;
    double embedding = 0;
    for (std::size_t i = 0; i < count; ++i) {
        rq_tensor_info tensor = RQ_TENSOR_INFO_INIT;
        call(rq_model_tensor, model, i, &tensor);
        const std::string_view name(tensor.name, tensor.name_len);
        const auto bytes = static_cast<double>(tensor.size_bytes);
        if (has(name, "token_embd") || has(name, "embed_tokens")) {  // one row of it is read, unless it is the output matrix, too
            embedding = bytes;
            continue;
        }
        if (name == "output.weight" || has(name, "lm_head")) tied = false;
        const bool routed = has(name, "_exps.") || has(name, ".experts.");
        need.bytes += routed ? bytes * static_cast<double>(info.experts_per_token) / static_cast<double>(info.routed_experts) : bytes;
    }
    if (tied) need.bytes += embedding;
    rq_plan plan = RQ_PLAN_INIT;
    call(rq_model_plan, model, &options, &plan);
    need.cache_bytes = static_cast<double>(plan.cache_per_token_bytes);
    need.macs = static_cast<double>(info.active_parameters) - static_cast<double>(info.vocab_size * info.hidden_size);
    return need;
}

/// The median of the runs and how far they lie apart.
Json figures(std::vector<double> runs) {
    Json json;
    json["runs"] = runs;
    std::sort(runs.begin(), runs.end());
    const std::size_t middle = runs.size() / 2;
    const double median = runs.size() % 2 == 1 ? runs[middle] : (runs[middle - 1] + runs[middle]) / 2;
    json["tokens_per_second"] = median;
    json["spread"] = (runs.back() - runs.front()) / median;
    return json;
}

class Bench {
 public:
    Bench(const BenchArguments& arguments, const rq_model* model)
        : arguments_(arguments), info_(info_of(model)), tokens_(info_.vocab_size) {
        SessionArguments room = arguments.session;
        if (room.context == 0) room.context = needed_context();
        need_ = need_of(model, info_, session_options(room));
        session_ = new_session(model, room);
        evaluate(session_.get(), tokens_.take(std::min<std::uint64_t>(16, room.context)));  // the first touch of weights and buffers is not measured
    }

    [[nodiscard]] Json tests() {
        Json all = Json::array();
        for (const auto count : arguments_.prefill) all.push_back(prefill(count));
        Counts contexts = arguments_.decode;
        std::sort(contexts.begin(), contexts.end());  // each starts where the one before stood
        rewind(0);
        for (const auto context : contexts) all.push_back(decode(context));
        return all;
    }
    [[nodiscard]] const Need& need() const noexcept { return need_; }

 private:
    [[nodiscard]] std::uint64_t needed_context() const {
        std::uint64_t most = 1;
        for (const auto count : arguments_.prefill) most = std::max(most, count);
        for (const auto context : arguments_.decode) most = std::max(most, context + arguments_.tokens);
        return most;
    }
    void rewind(std::uint64_t length) { call(rq_session_rewind, session_.get(), static_cast<std::size_t>(length)); }

    [[nodiscard]] Json prefill(std::uint64_t count) {
        std::vector<double> runs;
        for (int i = 0; i < arguments_.repetitions; ++i) {
            rewind(0);
            const auto prompt = tokens_.take(count);
            const double begin = now();
            evaluate(session_.get(), prompt);
            runs.push_back(static_cast<double>(count) / (now() - begin));
        }
        Json test = {{"test", "prefill"}, {"tokens", count}, {"context", 0}};
        test.update(figures(runs));
        test["macs_per_second"] = need_.macs * test["tokens_per_second"].get<double>();
        return test;
    }

    [[nodiscard]] Json decode(std::uint64_t context) {
        std::size_t length = 0;
        call(rq_session_length, session_.get(), &length);
        if (length < context) evaluate(session_.get(), tokens_.take(context - length));
        std::vector<double> runs;
        for (int i = 0; i < arguments_.repetitions; ++i) {
            const auto ids = tokens_.take(arguments_.tokens);
            const double begin = now();
            for (const auto id : ids) evaluate(session_.get(), {id});
            runs.push_back(static_cast<double>(arguments_.tokens) / (now() - begin));
            rewind(context);
        }
        Json test = {{"test", "decode"}, {"tokens", arguments_.tokens}, {"context", context}};
        test.update(figures(runs));
        const double read = need_.bytes + need_.cache_bytes * (static_cast<double>(context) + static_cast<double>(arguments_.tokens) / 2);
        test["bytes_per_second"] = read * test["tokens_per_second"].get<double>();
        return test;
    }

    const BenchArguments& arguments_;
    rq_model_info info_;
    RandomTokens tokens_;
    Need need_;
    Session session_;
};

std::string for_people(const Json& report) {
    const Json& machine = report["machine"];
    const bool fast = report["mode"] == "fast";
    std::string text = line("%s, %s, mode %s, cache %s, %d threads\n", report["model"]["type"].get<std::string>().c_str(),
                            bytes_text(report["model"]["weights_bytes"].get<std::uint64_t>()).c_str(), report["mode"].get<std::string>().c_str(),
                            report["cache"].get<std::string>().c_str(), machine["threads"].get<int>());
    text += line("machine  reads %.1f GB/s, %.0f int8 GMAC/s (%s), %.0f f32 GFLOP/s\n", machine["read_bytes_per_second"].get<double>() / 1e9,
                 machine["int8_macs_per_second"].get<double>() / 1e9, machine["int8_instruction"].get<std::string>().c_str(),
                 machine["f32_operations_per_second"].get<double>() / 1e9);
    text += line("opened   in %.2f s, %s resident; most while running %s\n\n", report["open_seconds"].get<double>(),
                 bytes_text(report["resident_bytes"].get<std::uint64_t>()).c_str(), bytes_text(report["peak_resident_bytes"].get<std::uint64_t>()).c_str());
    text += "test     tokens  context   tokens/s  spread  of the machine\n";
    for (const Json& test : report["tests"]) {
        text += line("%-8s %6llu  %7llu  %9.2f  %4.1f %%  ", test["test"].get<std::string>().c_str(),
                     static_cast<unsigned long long>(test["tokens"].get<std::uint64_t>()), static_cast<unsigned long long>(test["context"].get<std::uint64_t>()),
                     test["tokens_per_second"].get<double>(), 100 * test["spread"].get<double>());
        text += test["test"] == "prefill"
                    ? line("%.0f GMAC/s with weights, %.0f %% of the %s rate\n", test["macs_per_second"].get<double>() / 1e9, 100 * test[fast ? "of_int8_rate" : "of_f32_rate"].get<double>(), fast ? "int8" : "f32")
                    : line("%.1f GB/s, %.0f %% of what memory gives\n", test["bytes_per_second"].get<double>() / 1e9, 100 * test["of_read_rate"].get<double>());
    }
    return text;
}

std::string version_text() {
    const std::uint32_t version = rq_version();
    return std::to_string(version / 1000000) + "." + std::to_string(version / 1000 % 1000) + "." + std::to_string(version % 1000);
}

void bench(const BenchArguments& arguments) {
    const double begin = now();
    const Model model = open_model(arguments.model);
    const double open_seconds = now() - begin;
    const std::uint64_t resident = resident_bytes();
    const rq_model_info info = info_of(model.get());
    rq_plan plan = RQ_PLAN_INIT;
    call(rq_model_plan, model.get(), static_cast<const rq_session_options*>(nullptr), &plan);
    Bench measured(arguments, model.get());
    const double load = load_average();
    Json tests = measured.tests();
    const std::uint64_t peak = peak_resident_bytes();
    const Machine machine = measure_machine(info.threads);  // now: it takes memory of its own
    for (Json& test : tests) {
        if (test.contains("macs_per_second")) {
            const double macs = test["macs_per_second"];
            test["of_int8_rate"] = macs / machine.int8_macs;
            test["of_f32_rate"] = 2 * macs / machine.f32_flops;
        }
        if (test.contains("bytes_per_second")) test["of_read_rate"] = test["bytes_per_second"].get<double>() / machine.read_bytes;
    }

    Json report;
    report["program"] = "rorqual";
    report["version"] = version_text();
    report["model"] = {{"file", arguments.model.path}, {"type", text_of(rq_model_type, model.get())}, {"identity", text_of(rq_model_identity, model.get())}, {"parameters", info.parameters}, {"active_parameters", info.active_parameters}, {"output_parameters", info.vocab_size * info.hidden_size}, {"weights_bytes", plan.weights_bytes}, {"bytes_per_token", measured.need().bytes}, {"cache_bytes_per_token", measured.need().cache_bytes}};
    report["mode"] = mode_text(model.get(), arguments.session);
    report["cache"] = cache_text(model.get(), arguments.session);
    report["kernels"] = text_of(rq_model_kernels, model.get());
    report["machine"] = {{"processor", machine.processor}, {"threads", info.threads}, {"read_bytes_per_second", machine.read_bytes}, {"int8_macs_per_second", machine.int8_macs}, {"int8_instruction", machine.int8_instruction}, {"f32_operations_per_second", machine.f32_flops}, {"load_average", load}};
    report["open_seconds"] = open_seconds;
    report["resident_bytes"] = resident;
    report["peak_resident_bytes"] = peak;
    report["tests"] = tests;
    print(arguments.json ? report.dump(2) + "\n" : for_people(report));
}

}  // namespace

void add_bench(CLI::App& program) {
    auto arguments = std::make_shared<BenchArguments>();
    auto* command = program.add_subcommand("bench", "Measures how fast a model reads prompts and writes tokens, beside what the machine can do");
    command->add_option("model", arguments->model.path, "Model folder or file")->required();
    const auto counts = [&](const char* name, Counts& to, CLI::Range range, const char* help) {
        command->add_option(name, to, help)->delimiter(',')->check(range)->capture_default_str();
    };
    constexpr double most = 1 << 24;
    counts("--prefill", arguments->prefill, CLI::Range(1.0, most), "Read prompts of so many tokens");
    counts("--decode", arguments->decode, CLI::Range(0.0, most), "Write tokens after so many others");
    command->add_flag_callback(
        "--no-prefill", [arguments] { arguments->prefill.clear(); }, "No prompts");
    command->add_flag_callback(
        "--no-decode", [arguments] { arguments->decode.clear(); }, "No writing");
    command->add_option("--tokens", arguments->tokens, "Write so many")->check(CLI::Range(1, 1 << 20))->capture_default_str();
    command->add_option("--repetitions", arguments->repetitions, "Repeat each test; the median counts")->check(CLI::Range(1, 1000))->capture_default_str();
    command->add_flag("--json", arguments->json, "Print JSON");
    add_compute_options(*command, arguments->model, arguments->session);
    command->add_option("--context", arguments->session.context, "Room in tokens; 0 = as many as the tests need");
    command->callback([arguments] { bench(*arguments); });
}

}  // namespace cli
