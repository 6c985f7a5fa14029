#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "layers/dense_ffn.hpp"
#include "layers/ffn_scratch.hpp"
#include "layers/router.hpp"
#include "ops/run.hpp"
#include "rorqual/moe.hpp"

namespace rorqual::layers {

/// Sizes that the buffers of a mix follow from, and what its experts have in common.
struct ExpertsShape {
    std::int64_t experts = 0;            ///< E
    std::int64_t experts_per_token = 0;  ///< k
    std::int64_t hidden = 0;             ///< D
    std::int64_t width = 0;              ///< m, of the widest expert
    SwigluLimit limit{};
};

struct ExpertsScratch {
    std::span<std::int32_t> first;   ///< [E+1] where an expert's places begin
    std::span<std::int32_t> active;  ///< [E] experts that have tokens, ascending
    std::span<std::int32_t> slots;   ///< [chunk·k] t·k + j of every choice, sorted by expert, then by t and j: its place
    std::span<std::int32_t> tokens;  ///< [chunk·k] t of every place
    Rows gathered;                   ///< [workers·64, D] tokens of one expert, side by side
    Rows gate, up;                   ///< [workers·128, 256]
    Rows down;                       ///< [workers·128, 256]

    [[nodiscard]] static ExpertsScratch cut(cpu::Arena& arena, const ExpertsShape& shape, std::int64_t chunk, std::size_t workers);
    /// Values of FfnScratch that chunks of up to `chunk` tokens need.
    [[nodiscard]] static std::int64_t inner_values(const ExpertsShape& shape, std::int64_t chunk) noexcept {
        return chunk * shape.experts_per_token * shape.width;
    }
};

/// rorqual::mix_experts with scratch instead of allocations; ids lie in range. Two phases, no locks: the inner activations of all
/// choices, by (expert, rows of gate and up); then y, by rows of down, every task going through all experts in ascending order,
/// so that each sum is taken by one thread in one order.
void mix_experts(const ops::Run& run, std::span<const Expert> experts, const ExpertsShape& shape, const Router::Choice& choice,
                 const ops::Input& x, Rows y, const FfnScratch& inner, const ExpertsScratch& scratch);

/// Feed-forward layer of routed and shared experts. DeepSeek-V2 eq. (20); reference: DeepSeek-V3 inference/model.py, MoE.
struct ExpertFfn {
    struct Scratch {
        Router::Scratch router;
        ExpertsScratch experts;
    };

    ExpertsShape shape;
    Router router;
    std::vector<Expert> experts;
    std::optional<DenseFfn> shared;  ///< all shared experts side by side, as one

    /// x [T, D] → y [T, D]. Returns what the router chose.
    Router::Choice forward(const ops::Run& run, const ops::Input& x, Rows y, const FfnScratch& inner, const Scratch& scratch) const;
    /// The same with experts that were chosen already.
    void mix(const ops::Run& run, const Router::Choice& choice, const ops::Input& x, Rows y, const FfnScratch& inner, const ExpertsScratch& scratch) const;
};

}  // namespace rorqual::layers
