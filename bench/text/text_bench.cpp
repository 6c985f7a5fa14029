// Names: operation/what/tokenizer. The text is the training set of the story model (4.6 MB of English) where the reference
// data is at hand, and words drawn from the story model's vocabulary elsewhere. Bytes per second are bytes of text.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <random>

#include "text/deepseek_splitters.hpp"
#include "text/pretokenizer.hpp"
#include "text/tokenizers.hpp"

namespace rorqual {
namespace {

const std::filesystem::path shared = RQ_SHARED_DIR;
const std::filesystem::path story_model = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale/tokenizer.json";

// English words as often as Zipf's law has them.
std::string drawn_words(std::size_t bytes) {
    const auto tokenizer = Tokenizer::from_json(test::read_file(story_model));
    std::mt19937 draw(1);
    std::uniform_real_distribution<double> rank(0, std::log(static_cast<double>(tokenizer.vocab_size() - 260)));
    std::string text;
    while (text.size() < bytes) text += tokenizer.decode(std::vector<Token>{static_cast<Token>(258 + std::exp(rank(draw)))});
    return text;
}

const std::string& english() {
    static const std::string text = [] {
        const auto tales = shared / "models/tale/tales.jsonl.xz";
        if (!std::filesystem::exists(tales)) return drawn_words(4'000'000);
        std::string all;
        for (const auto& tale : test::read_json_lines(tales)) all += tale.at("text").get<std::string>() + "\n\n";
        return all;
    }();
    return text;
}

void count_text(benchmark::State& state, std::size_t bytes) {
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes) * static_cast<std::int64_t>(state.iterations()));
}

// The whole text in one call, or cut into prompts of about `prompt_bytes`: each call begins with nothing remembered.
void encode(benchmark::State& state, const Tokenizer& tokenizer, std::size_t prompt_bytes) {
    const std::string_view text = english();
    if (tokenizer.decode(tokenizer.encode(text)) != text) return state.SkipWithError("tokens do not decode to the text");
    std::vector<std::string_view> prompts;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = text.find(' ', begin + prompt_bytes);
        prompts.push_back(text.substr(begin, end - begin));
        begin = std::min(end, text.size());
    }
    for (auto _ : state) {
        for (const std::string_view prompt : prompts) benchmark::DoNotOptimize(tokenizer.encode(prompt));
    }
    count_text(state, text.size());
}

void decode(benchmark::State& state, const Tokenizer& tokenizer) {
    const auto tokens = tokenizer.encode(english());
    for (auto _ : state) benchmark::DoNotOptimize(tokenizer.decode(tokens));
    count_text(state, english().size());
}

void split(benchmark::State& state, std::span<const text::SplitStep> steps, text::Pretokenizer::Matchers matchers) {
    const text::Pretokenizer pretokenizer(steps, matchers);
    for (auto _ : state) {
        std::size_t pieces = 0;
        pretokenizer.split(english(), [&](std::string_view) { ++pieces; });
        benchmark::DoNotOptimize(pieces);
    }
    count_text(state, english().size());
}

void load(benchmark::State& state, const std::string& file) {
    for (auto _ : state) benchmark::DoNotOptimize(Tokenizer::from_json(file));
    count_text(state, file.size());
}

void register_tokenizer(const std::string& name, const std::filesystem::path& path) {
    if (!std::filesystem::exists(path)) return;
    const auto file = test::read_file(path);
    const auto tokenizer = Tokenizer::from_json(file);
    constexpr std::size_t prompt = 1000;
    const auto add = [](const std::string& benchmark_name, auto run) {
        benchmark::RegisterBenchmark(benchmark_name.c_str(), run)->Unit(benchmark::kMillisecond);
    };
    add("encode/whole/" + name, [=](auto& state) { encode(state, tokenizer, english().size()); });
    add("encode/1kB_prompts/" + name, [=](auto& state) { encode(state, tokenizer, prompt); });
    add("decode/whole/" + name, [=](auto& state) { decode(state, tokenizer); });
    add("load/json/" + name, [=](auto& state) { load(state, file); });
}

void register_splitter(const std::string& name, std::span<const text::SplitStep> steps) {
    using enum text::Pretokenizer::Matchers;
    const auto add = [&](const char* how, text::Pretokenizer::Matchers matchers) {
        benchmark::RegisterBenchmark(("split/" + std::string(how) + "/" + name).c_str(), [=](auto& state) { split(state, steps, matchers); })
            ->Unit(benchmark::kMillisecond);
    };
    add("by_hand", fastest);
    add("pcre2", regex_only);
}

}  // namespace
}  // namespace rorqual

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
    using namespace rorqual;
    register_tokenizer("story", story_model);
    register_tokenizer("deepseek_v3", shared / "models/tokenizers/deepseek-v3.json.xz");
    register_tokenizer("v2_splitter", shared / "models/tokenizers/v2-splitter.json");
    register_tokenizer("qwen3", shared / "models/tokenizers/qwen3.json.xz");
    register_splitter("deepseek_v3", text::deepseek_v3_steps());
    register_splitter("deepseek_v2", text::deepseek_v2_steps());
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}
