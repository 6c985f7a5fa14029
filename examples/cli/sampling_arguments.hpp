#pragma once

#include <CLI/CLI.hpp>
#include <optional>

#include "library.hpp"

namespace cli {

/// How the next token is chosen, as far as the user says it; the rest is what the model recommends.
struct SamplingArguments {
    bool greedy = false;
    std::optional<float> temperature, top_p, min_p, repetition_penalty, presence_penalty;
    std::optional<std::int32_t> top_k;
    std::optional<std::uint64_t> seed;
};

void add_sampling_options(CLI::App& command, SamplingArguments& arguments);

[[nodiscard]] rq_sampling_options sampling_options(const SamplingArguments& arguments, const rq_model* model);

}  // namespace cli
