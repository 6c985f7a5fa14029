#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace rorqual::bench {

/// A weight matrix of a real model: y [T, outputs] = x [T, inputs]·Wᵀ.
struct MatrixShape {
    std::string_view name;
    std::int64_t outputs;
    std::int64_t inputs;
};

/// DeepSeek-V2-Lite, from its config.json: hidden 2048, 16 heads of 128 + 64, kv_lora_rank 512, expert width 1408, vocabulary 102400.
inline constexpr std::array matrix_shapes = {
    MatrixShape{"v2_lite.q_proj", 16 * (128 + 64), 2048},
    MatrixShape{"v2_lite.kv_a", 512 + 64, 2048},
    MatrixShape{"v2_lite.o_proj", 2048, 16 * 128},
    MatrixShape{"v2_lite.expert_gate", 1408, 2048},
    MatrixShape{"v2_lite.expert_down", 2048, 1408},
    MatrixShape{"v2_lite.head", 102400, 2048},
};

/// The two halves of kv_b of one head, as the absorbed form uses them: y [T, outputs] = x [T, inputs]·W, W [inputs, outputs].
inline constexpr std::array transposed_shapes = {
    MatrixShape{"v2_lite.absorb_q", 512, 128},
};

/// Tokens evaluated together: decoding, a few sequences, a small and a large piece of a prompt.
inline constexpr std::array<std::int64_t, 4> token_counts = {1, 4, 32, 512};

}  // namespace rorqual::bench
