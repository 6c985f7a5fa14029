#pragma once

#include <cstdint>
#include <span>

#include "rorqual/tensor.hpp"

namespace rorqual {

class Executor;

/// How router logits become scores.
enum class Scoring {
    softmax,        ///< V2: over all experts
    sigmoid,        ///< V3
    sqrt_softplus,  ///< V4: sqrt(ln(1 + e^x))
};

/// What stands for a group of experts when whole groups are chosen first.
enum class GroupScore {
    maximum,      ///< V2 group_limited_greedy
    top_two_sum,  ///< V3 noaux_tc
};

/// Which experts a token goes to, and with what weights. Names as in config.json.
/// (V2 files with norm_topk_prob normalise or scale, never both: they need scale 1 here. V3 and V4 do both.)
struct RouterOptions {
    std::int64_t experts = 0;            ///< n_routed_experts
    std::int64_t experts_per_token = 0;  ///< num_experts_per_tok
    Scoring scoring = Scoring::softmax;
    std::int64_t groups = 1;       ///< n_group: consecutive blocks of equal size
    std::int64_t groups_kept = 1;  ///< topk_group
    GroupScore group_score = GroupScore::maximum;
    bool normalise = false;  ///< norm_topk_prob: divide by (sum of the chosen + 1e-20)
    float scale = 1;         ///< factor on the final weights, after normalising
};

/// Chooses experts.   DeepSeek-V2 eq. (20)–(22) and §2.2.2; DeepSeek-V3 eq. (12)–(16).
///   logits   [T, E] f32: W_g·x
///   bias     [E] f32 or empty: added to the scores for choosing only, never to the weights (V3's correction bias)
///   ids      [T·k] chosen experts by descending selection score, ties to the lower id
///   weights  [T·k] unbiased scores, normalised and scaled as asked
/// Groups outside the kept ones are masked with −∞, so their experts are never chosen; a NaN score counts as −∞ in choosing. The k
/// ids of a token are different. Any thread. Throws Error(invalid_argument) naming the option or operand that makes no sense.
void route(const RouterOptions& options, ConstRows logits, std::span<const float> bias, std::span<std::int32_t> ids, std::span<float> weights);

/// One expert: W_down·(silu(W_gate·x) ⊙ W_up·x).   gate, up [m, D], down [D, m]. "GLU Variants Improve Transformer".
struct Expert {
    WeightView gate;
    WeightView up;
    WeightView down;
};

/// y[t] += Σ_j weights[t,j] · expert_{ids[t,j]}(x[t]).   x, y [T, D] f32; ids, weights [T·k]. Experts are visited by ascending id, each once;
/// every token's sum is taken in that order, so it has the same bits whatever the other tokens are and for any executor. Experts may
/// differ in width m; those that no token goes to are not read. y overlaps no operand. Scratch from operator new: T·k·m floats.
/// Any thread. Throws Error(invalid_argument) naming the operand whose shape is wrong, or the id outside the list; std::bad_alloc.
void mix_experts(std::span<const Expert> experts, std::int64_t experts_per_token, std::span<const std::int32_t> ids,
                 std::span<const float> weights, ConstRows x, Rows y, Executor* executor = nullptr);

}  // namespace rorqual
