#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/normalizer.hpp"
#include "text/splitter.hpp"

namespace rorqual::text {

/// GPT-2's pattern (Radford et al. 2019, encoder.py).
constexpr const char* gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// What a GGUF file leaves to a name: how text is divided and what goes with it in the tokenizer.json of those models.
struct Splitting {
    std::vector<SplitStep> steps;
    Normalization normalization = Normalization::none;
    bool whole_words = false;  ///< Bpe
};

/// The splitting that tokenizer.ggml.pre calls so. https://github.com/ggml-org/llama.cpp, src/llama-vocab.cpp; the steps are
/// those of the published tokenizer.json, of which other engines' lists differ in details.
[[nodiscard]] std::optional<Splitting> find_splitting(std::string_view name);

/// The other way: what tokenizer.ggml.pre is to call a splitting; nothing for one that has no name.
[[nodiscard]] std::optional<std::string_view> name_of_splitting(const Splitting& splitting);

}  // namespace rorqual::text
