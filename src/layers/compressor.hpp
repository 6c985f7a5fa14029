#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "cpu/arena.hpp"
#include "ops/run.hpp"

namespace rorqual::layers {

/// Makes one entry of `ratio` tokens: for each channel c, an average of the tokens' values a_t[c] weighted by a softmax over their gates g_t[c].
/// DeepSeek-V4 §3; reference: DeepSeek-V4 inference/model.py, Compressor.
///   a_t = W_kv·x_t,   g_t = W_gate·x_t + ape[t mod ratio]
///   e_w[c] = Σ_t softmax_t(g_t[c])·a_t[c],   then RMSNorm, then RoPE at the position of the window's first token
/// Heavily compressed attention (ratio 128): over the tokens of window w. Compressed sparse attention (ratio 4) overlaps: channels come
/// twice, the tokens of window w−1 take part with their first half of channels, those of window w with the second.
struct Compressor {
    struct Config {
        std::int64_t ratio = 0;
        bool overlaps = false;
        std::int64_t hidden = 0;  ///< D
        std::int64_t width = 0;   ///< d of an entry
        std::int64_t rope = 0;    ///< rotated channels, the last ones
        float norm_eps = 0;

        [[nodiscard]] std::int64_t channels() const noexcept { return overlaps ? 2 * width : width; }
        /// f32 values a token leaves until its window is complete: a, then g.
        [[nodiscard]] std::int64_t waiting_width() const noexcept { return 2 * channels(); }
        [[nodiscard]] std::int64_t lookback() const noexcept { return overlaps ? ratio : 0; }
    };
    struct Scratch {
        Rows cos, sin;  ///< [workers, rope/2]

        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const Config& config, std::size_t workers);
    };

    Config config;
    WeightView wkv, wgate;    ///< [channels, D]
    std::vector<float> ape;   ///< [ratio, channels]
    std::vector<float> norm;  ///< [d]

    /// What makes a and g of x [T, D], side by side in waiting [T, 2·channels]; add_bias completes them.
    [[nodiscard]] std::array<ops::Product, 2> projections(const ops::Input& x, Rows waiting) const noexcept;
    /// Adds to each gate what its token's place in its window calls for: tokens `position` …
    void add_bias(std::int64_t position, Rows waiting) const noexcept;

    /// Entry w of the `waiting` rows of its tokens, before which those of window w−1 lie where windows overlap and w > 0. entry [d].
    void mix(const ops::Worker& worker, std::size_t index, std::int64_t w, ConstRows waiting, const Rope& rope, std::span<float> entry,
             const Scratch& scratch) const;
};

}  // namespace rorqual::layers
