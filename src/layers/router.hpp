#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "ops/run.hpp"
#include "rorqual/moe.hpp"

namespace rorqual::layers {

/// Chooses experts for every token. DeepSeek-V2 §2.2; reference: DeepSeek-V3 inference/model.py, Gate.
struct Router {
    struct Scratch {
        Rows logits;                  ///< [chunk, E], replaced by scores
        Rows selection;               ///< [workers, E] scores that decide, of the token at hand
        Rows group_scores;            ///< [workers, groups]
        std::span<std::int32_t> ids;  ///< [chunk·k]
        std::span<float> weights;     ///< [chunk·k]

        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const RouterOptions& options, std::int64_t chunk, std::size_t workers);
    };
    /// By descending selection score; borrowed from the scratch until its next use.
    struct Choice {
        std::span<const std::int32_t> ids;  ///< [T·k]
        std::span<const float> weights;     ///< [T·k]
    };

    RouterOptions options;
    WeightView gate;          ///< W_g [E, D]
    std::vector<float> bias;  ///< [E], or empty: see rorqual::route

    [[nodiscard]] Choice choose(const ops::Run& run, ConstRows x, const Scratch& scratch) const;
};

/// Logits of one token become scores. V2 eq. (22), V3 eq. (15); V4: sqrt(softplus).
void score_experts(Scoring scoring, std::span<float> logits);
/// Weights [k] of the chosen experts `ids` [k]: their scores, normalised and scaled as the options say.
void weigh_experts(const RouterOptions& options, std::span<const float> scores, std::span<const std::int32_t> ids, std::span<float> weights);

/// What is wrong with the options: a line that names one of them; nullptr = nothing.
[[nodiscard]] const char* problem_of(const RouterOptions& options) noexcept;

}  // namespace rorqual::layers
