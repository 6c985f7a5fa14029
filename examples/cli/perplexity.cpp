// rorqual perplexity: how well a model expects a text, and how far two models or modes are from each other on it.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.hpp"
#include "compute_options.hpp"
#include "library.hpp"
#include "output.hpp"
#include "statistics.hpp"

namespace cli {
namespace {

using Json = nlohmann::ordered_json;
using Tokens = std::vector<std::int32_t>;

struct PerplexityArguments {
    ModelArguments model;
    SessionArguments session;
    std::string text;
    std::string reference;
    std::string against;
    std::uint64_t window = 512;
    bool json = false;
};

/// Parts of a text of equal length, each with the token that begins a text in front where the model wants it.
class Windows {
 public:
    Windows(const rq_model* model, const std::string& text, std::uint64_t window) {
        tokens_ = encode_prompt(model, text, 0);
        const rq_model_info info = info_of(model);
        if (info.bos_token >= 0 && !tokens_.empty() && tokens_.front() == info.bos_token) begin_ = info.bos_token;
        size_ = std::min<std::size_t>(window, tokens_.size());
        if (size_ < 4) throw Failure("--text: " + std::to_string(tokens_.size()) + " tokens, expected at least 4");
    }
    [[nodiscard]] std::size_t count() const noexcept { return tokens_.size() / size_; }
    [[nodiscard]] Tokens operator[](std::size_t i) const {
        Tokens window(tokens_.begin() + static_cast<std::ptrdiff_t>(i * size_), tokens_.begin() + static_cast<std::ptrdiff_t>((i + 1) * size_));
        if (begin_) window.front() = *begin_;
        return window;
    }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
    Tokens tokens_;
    std::size_t size_ = 0;
    std::optional<std::int32_t> begin_;
};

/// A session that gives the logits after each token of the second half of a window: those that had half a window to go by.
class Reader {
 public:
    Reader(const rq_model* model, const SessionArguments& arguments, std::size_t window)
        : vocabulary_(static_cast<std::size_t>(info_of(model).vocab_size)), session_(new_session(model, room(arguments, window))) {}

    void begin(const Tokens& window) {
        call(rq_session_rewind, session_.get(), std::size_t{0});
        call(rq_session_append, session_.get(), window.data(), window.size() / 2, static_cast<float*>(nullptr), std::size_t{0});
    }
    /// The logits after each of the tokens: [count, vocabulary].
    const std::vector<float>& go_on(const std::int32_t* tokens, std::size_t count) {
        logits_.resize(count * vocabulary_);
        call(rq_session_append, session_.get(), tokens, count, logits_.data(), logits_.size());
        return logits_;
    }
    [[nodiscard]] std::size_t vocabulary() const noexcept { return vocabulary_; }

 private:
    static SessionArguments room(SessionArguments arguments, std::size_t window) {
        arguments.context = window;
        return arguments;
    }

    std::size_t vocabulary_;
    Session session_;
    std::vector<float> logits_;
};

/// What is gathered, one value a token that was to be expected.
struct Scores {
    std::vector<double> surprise;            ///< −ln p of the token that came
    std::vector<double> reference_surprise;  ///< the same of the reference
    std::vector<double> divergence;          ///< KL(reference ‖ model)
    std::vector<double> agreement;           ///< 1 where both find the same token likeliest
};

void score(Reader& model, Reader* reference, const Tokens& window, std::size_t piece, Scores& to) {
    model.begin(window);
    if (reference) reference->begin(window);
    for (std::size_t at = window.size() / 2; at + 1 < window.size();) {
        const std::size_t count = std::min(piece, window.size() - 1 - at);
        const auto& logits = model.go_on(window.data() + at, count);
        const std::vector<float>* const others = reference ? &reference->go_on(window.data() + at, count) : nullptr;
        for (std::size_t i = 0; i < count; ++i) {
            const auto next = static_cast<std::size_t>(window[at + i + 1]);
            const Distribution here(logits.data() + i * model.vocabulary(), model.vocabulary());
            to.surprise.push_back(-here.log_probability(next));
            if (!reference) continue;
            const Distribution there(others->data() + i * model.vocabulary(), model.vocabulary());
            to.reference_surprise.push_back(-there.log_probability(next));
            to.divergence.push_back(there.divergence_to(here));
            to.agreement.push_back(here.likeliest() == there.likeliest() ? 1 : 0);
        }
        at += count;
    }
}

Json perplexity_of(const std::vector<double>& surprise) {
    const Mean mean = mean_of(surprise);
    const double perplexity = std::exp(mean.value);
    return {{"mean_negative_log_likelihood", mean.value}, {"standard_error", mean.error}, {"perplexity", perplexity}, {"perplexity_error", perplexity * mean.error}};
}

Json report_of(Scores& scores, std::size_t windows, std::size_t window) {
    Json report = {{"windows", windows}, {"window_tokens", window}, {"scored_tokens", scores.surprise.size()}};
    report.update(perplexity_of(scores.surprise));
    if (scores.divergence.empty()) return report;
    report["reference"] = perplexity_of(scores.reference_surprise);
    const Mean divergence = mean_of(scores.divergence), agreement = mean_of(scores.agreement);
    report["divergence"] = {{"mean", divergence.value}, {"standard_error", divergence.error}, {"median", quantile(scores.divergence, 0.5)}, {"99_percent", quantile(scores.divergence, 0.99)}, {"most", quantile(scores.divergence, 1)}};
    report["same_likeliest_token"] = {{"part", agreement.value}, {"standard_error", agreement.error}};
    return report;
}

std::string for_people(const Json& report) {
    const auto perplexity = [](const char* label, const Json& of) {
        return line("%-12s %.4f +- %.4f, mean negative log likelihood %.5f\n", label, of["perplexity"].get<double>(), of["perplexity_error"].get<double>(), of["mean_negative_log_likelihood"].get<double>());
    };
    std::string text = perplexity("perplexity", report);
    text += line("%-12s %zu, after half a window of %zu tokens each\n", "tokens", report["scored_tokens"].get<std::size_t>(), report["window_tokens"].get<std::size_t>());
    if (!report.contains("reference")) return text;
    text += perplexity("reference", report["reference"]);
    const Json& divergence = report["divergence"];
    text += line("%-12s %.6f +- %.6f, median %.6f, 99 %% below %.6f, at most %.6f\n", "divergence", divergence["mean"].get<double>(), divergence["standard_error"].get<double>(), divergence["median"].get<double>(), divergence["99_percent"].get<double>(), divergence["most"].get<double>());
    const Json& same = report["same_likeliest_token"];
    text += line("%-12s %.2f +- %.2f %% of the likeliest tokens are the same\n", "agreement", 100 * same["part"].get<double>(), 100 * same["standard_error"].get<double>());
    return text;
}

void show_progress(std::size_t done, std::size_t all, const Scores& scores) {
    if (::isatty(STDERR_FILENO) != 1) return;
    std::fprintf(stderr, "\r%zu of %zu windows, perplexity %.4f\033[K", done, all, std::exp(mean_of(scores.surprise).value));
    if (done == all) std::fputs("\r\033[K", stderr);
}

void perplexity(const PerplexityArguments& arguments) {
    const Model model = open_model(arguments.model);
    const Windows windows(model.get(), arguments.text == "-" ? read_input() : read_file(arguments.text), arguments.window);
    Reader reader(model.get(), arguments.session, windows.size());

    Model other;
    std::optional<Reader> reference;
    if (!arguments.reference.empty() || !arguments.against.empty()) {
        ModelArguments other_arguments = arguments.model;
        other_arguments.path = arguments.reference;
        if (!arguments.reference.empty()) other = open_model(other_arguments);
        SessionArguments session = arguments.session;
        session.mode = arguments.against;
        reference.emplace(other ? other.get() : model.get(), session, windows.size());
        if (reference->vocabulary() != reader.vocabulary()) {
            throw Failure("--reference: a vocabulary of " + std::to_string(reference->vocabulary()) + " tokens, expected " + std::to_string(reader.vocabulary()));
        }
    }

    constexpr std::uint64_t usual_piece = 128;  // bounds the memory for logits
    const std::size_t piece = arguments.session.chunk != 0 ? arguments.session.chunk : usual_piece;
    Scores scores;
    for (std::size_t i = 0; i < windows.count(); ++i) {
        score(reader, reference ? &*reference : nullptr, windows[i], piece, scores);
        show_progress(i + 1, windows.count(), scores);
    }
    Json report = {{"model", arguments.model.path}, {"mode", mode_text(model.get(), arguments.session)}, {"cache", cache_text(model.get(), arguments.session)}};
    report.update(report_of(scores, windows.count(), windows.size()));
    print(arguments.json ? report.dump(2) + "\n" : for_people(report));
}

}  // namespace

void add_perplexity(CLI::App& program) {
    auto arguments = std::make_shared<PerplexityArguments>();
    auto* command = program.add_subcommand("perplexity", "Measures how well a model expects a text, and how far two models or modes are from each other");
    command->add_option("model", arguments->model.path, "Model folder or file")->required();
    command->add_option("--text", arguments->text, "Text file; - = standard input")->required();
    command->add_option("--context", arguments->window, "Cut the text into windows of so many tokens; the second half of each is scored")->check(CLI::Range(4, 1 << 24))->capture_default_str();
    command->add_option("--against", arguments->against, "Compare with the same tokens in this mode")->check(CLI::IsMember({"exact", "fast"}));
    command->add_option("--reference", arguments->reference, "Compare with this model instead, in its own mode or that of --against");
    command->add_flag("--json", arguments->json, "Print JSON");
    add_compute_options(*command, arguments->model, arguments->session);
    command->callback([arguments] { perplexity(*arguments); });
}

}  // namespace cli
