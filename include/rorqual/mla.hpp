#pragma once

#include <cstdint>

#include "rorqual/tensor.hpp"

namespace rorqual {

class Executor;

/// Sizes of multi-head latent attention. Names as in config.json. DeepSeek-V2 paper §2.1.
struct LatentAttentionShape {
    std::int64_t heads = 0;
    std::int64_t kv_lora_rank = 0;      ///< width of the latent c_kv
    std::int64_t qk_nope_head_dim = 0;  ///< part of a head without position
    std::int64_t qk_rope_head_dim = 0;  ///< rotated part; its key is shared by all heads
    std::int64_t v_head_dim = 0;
    float softmax_scale = 0;  ///< (nope + rope)^-½ · YarnScaling::softmax_factor()
};

/// The two ways to the same result (equal to rounding).
enum class AttentionForm {
    automatic,  ///< the cheaper one by the cost formula, see cheaper_form()
    naive,      ///< expand keys and values of every cached token: V2 eq. (10)–(11). Cheaper for long chunks of queries
    absorbed,   ///< fold W_uk into the query and W_uv into the output, attend to the latent itself: V2 §2.1.2 and appendix C. Cheaper for decode
};

/// Multiply-adds per head decide: absorbed T·((2·kv_lora + rope)·n + kv_lora·(nope + v)), naive T·(nope + rope + v)·n + kv_lora·(nope + v)·n,
/// for T queries over n cached tokens.
[[nodiscard]] AttentionForm cheaper_form(const LatentAttentionShape& shape, std::int64_t queries, std::int64_t cached) noexcept;

/// Causal latent attention of T queries at positions first … first+T−1 over the cached tokens 0 … first+T−1.
///
///   q       [T, H·(nope+rope)] f32: per head first the nope part, then the rotated rope part
///   c_kv    [first+T, kv_lora] f32: latents after their norm
///   k_pe    [first+T, rope]    f32: shared rope keys after rotation
///   w_kv_b  [H·(nope+v), kv_lora]: per head the rows of W_uk, then those of W_uv (the checkpoint's kv_b_proj)
///   out     [T, H·v] f32
///
/// Score of head h for token s: softmax_scale · (q_nope[h]·W_uk[h]·c_s + q_pe[h]·k_pe_s); p = softmax over s ≤ the query's
/// position, in f32; output Σ_s p_s W_uv[h] c_s. DeepSeek-V2 eq. (10), (11), (17), (18).
///
/// out overlaps no operand. Rows may lie apart (stride > cols); rows of c_kv and k_pe that do are copied first. Scratch is taken
/// from operator new and grows with T and the executor's concurrency, not with the cached tokens. A query's result has the same
/// bits for any T and any executor; the two forms agree to rounding. Any thread. Throws Error(invalid_argument) naming the
/// operand whose shape is wrong, std::bad_alloc.
void latent_attention(const LatentAttentionShape& shape, ConstRows q, ConstRows c_kv, ConstRows k_pe, WeightView w_kv_b,
                      std::int64_t first, Rows out, AttentionForm form = AttentionForm::automatic, Executor* executor = nullptr);

}  // namespace rorqual
