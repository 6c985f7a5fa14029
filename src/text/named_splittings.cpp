#include "text/named_splittings.hpp"

#include <string>
#include <utility>

#include "text/deepseek_splitters.hpp"

namespace rorqual::text {
namespace {

SplitStep regex(std::string pattern) { return {SplitStep::Kind::regex, std::move(pattern), "published pattern"}; }

std::vector<SplitStep> copy(std::span<const SplitStep> steps) { return {steps.begin(), steps.end()}; }

// As DeepSeek-LLM, but for words and marks, which are all letters and all punctuation.
std::vector<SplitStep> deepseek_coder_steps() {
    auto steps = copy(deepseek_v2_steps());
    steps[1] = regex(R"(\s?\p{L}+)");
    steps[2] = regex(R"(\s?\p{P}+)");
    steps.erase(steps.begin() + 3);  // spaces at the end
    return steps;
}

// Qwen2 and Llama 3 differ in how many digits stay together.
std::vector<SplitStep> words_and_digits(const std::string& digits) {
    return {regex(R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|)" + digits +
                  R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)")};
}

}  // namespace

std::optional<Splitting> find_splitting(std::string_view name) {
    if (name == "deepseek-llm") return Splitting{copy(deepseek_v2_steps())};
    if (name == "deepseek-coder") return Splitting{deepseek_coder_steps()};
    if (name == "deepseek-v3" || name == "joyai-llm") return Splitting{copy(deepseek_v3_steps())};
    if (name == "qwen2" || name == "deepseek-r1-qwen") return Splitting{words_and_digits(R"(\p{N})"), Normalization::nfc};
    if (name == "llama-bpe") return Splitting{words_and_digits(R"(\p{N}{1,3})"), Normalization::none, true};
    if (name == "gpt-2") return Splitting{{regex(gpt2_pattern)}};
    return std::nullopt;
}

std::optional<std::string_view> name_of_splitting(const Splitting& splitting) {
    for (const std::string_view name : {"deepseek-llm", "deepseek-v3", "deepseek-coder", "qwen2", "llama-bpe", "gpt-2"}) {
        const auto named = find_splitting(name);
        if (named && named->normalization == splitting.normalization && named->whole_words == splitting.whole_words &&
            same_steps(named->steps, splitting.steps)) {
            return name;
        }
    }
    return std::nullopt;
}

}  // namespace rorqual::text
