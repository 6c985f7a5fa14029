#pragma once

#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "layers/compressor.hpp"
#include "layers/mla.hpp"
#include "layers/shared_kv_cache.hpp"
#include "ops/run.hpp"

namespace rorqual::layers {

/// Chooses for every query the compressed entries it will attend to: the k best by
///   I(p, w) = Σ_h weights_h·relu(q_h·k_w),   weights = W_proj·x / sqrt(d·heads)
/// where the keys k_w are made by a compressor of their own. DeepSeek-V4 §3; reference: DeepSeek-V4 inference/model.py, Indexer.
/// A Hadamard transform of queries and keys changes scores by no more than rounding: it is made where the cache keeps keys in FP4, which round
/// the better for it, and left out elsewhere. Queries stay f32.
struct EntryIndexer {
    struct Config {
        std::int64_t heads = 0;   ///< index_n_heads
        std::int64_t width = 0;   ///< d: index_head_dim
        std::int64_t rope = 0;    ///< rotated channels, the last ones
        std::int64_t top_k = 0;   ///< index_topk
        std::int64_t hidden = 0;  ///< D
        std::int64_t q_lora_rank = 0;
    };
    struct Scratch {
        Rows q;                       ///< [128, heads·d]
        Rows weights;                 ///< [128, heads]
        Rows keys;                    ///< [workers·128, d]
        Rows products;                ///< [workers·heads, 128]
        std::span<float> scores;      ///< of as many queries at a time as fit, one at least
        std::span<std::int32_t> ids;  ///< [128·k]

        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const Config& config, std::int64_t entries, std::size_t workers);
    };

    Config config;
    WeightView wq;       ///< [heads·d, q_lora]
    WeightView weights;  ///< [heads, D]
    Compressor compressor;

    /// Ids of the entries of T queries at positions `first` …, which lie in one page: [T, k], ascending; query t has
    /// min(k, visible entries) of them, at most k. x [T, D] and the query latents [T, q_lora]. Where a query sees k entries or fewer it gets all of them.
    [[nodiscard]] std::span<const std::int32_t> choose(const ops::Run& run, const ops::Input& x, const ops::Input& latents, const RopeAngles& angles,
                                                       const SharedKvCache& cache, std::int64_t first, const Scratch& scratch) const;

 private:
    void score(const ops::Run& run, const SharedKvCache& cache, std::int64_t query, Rows scores, const Scratch& scratch) const;
};

}  // namespace rorqual::layers
