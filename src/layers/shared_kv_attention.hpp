#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cpu/arena.hpp"
#include "layers/compressor.hpp"
#include "layers/entry_indexer.hpp"
#include "layers/mla.hpp"
#include "layers/page_average.hpp"
#include "layers/shared_kv_cache.hpp"
#include "ops/run.hpp"

namespace rorqual::layers {

/// Attention with one key for all heads, which is its value too; over the tokens of a window and, in most layers, compressed entries of all that was
/// before: each entry of heavily compressed attention, or those that an indexer chooses. DeepSeek-V4 §3; reference: DeepSeek-V4
/// inference/model.py, Attention.
struct SharedKvAttention {
    struct Config {
        std::int64_t hidden = 0;  ///< D
        std::int64_t heads = 0;
        std::int64_t width = 0;  ///< d: head_dim
        std::int64_t rope = 0;   ///< rotated channels of queries and keys, the last ones
        std::int64_t q_lora_rank = 0;
        std::int64_t o_lora_rank = 0;
        std::int64_t o_groups = 0;
        std::int64_t window = 0;  ///< tokens, the query's own included
        float norm_eps = 0;

        [[nodiscard]] std::int64_t q_width() const noexcept { return heads * width; }
        [[nodiscard]] std::int64_t group_width() const noexcept { return q_width() / o_groups; }
    };
    struct Weights {
        WeightView wq_a;              ///< [q_lora, D]
        std::vector<float> q_norm;    ///< [q_lora]
        WeightView wq_b;              ///< [H·d, q_lora]
        WeightView wkv;               ///< [d, D]
        std::vector<float> kv_norm;   ///< [d]
        std::vector<float> sinks;     ///< [H]
        WeightView wo_a;              ///< [groups·o_lora, H·d/groups]: each group of heads has its own rows
        WeightView wo_b;              ///< [D, groups·o_lora]
        std::vector<float> no_scale;  ///< [d] ones: the norm of each head's query has no weight
    };
    /// Buffers for the tokens of a page. The same for all layers of a model.
    struct Scratch {
        Rows q_latent;             ///< [128, q_lora]
        Rows q;                    ///< [128, H·d], then the heads' outputs
        Rows kv;                   ///< [128, d]
        Rows grouped;              ///< [128, groups·o_lora]
        Rows cos, sin, minus_sin;  ///< [128, rope/2]
        Rows keys;                 ///< [workers·128, d] keys of one block
        Rows entries;              ///< [workers, d] an entry in the making
        Averages sums, block;      ///< [workers·64] of width d: a worker's, or a block's where workers share a query
        PageScratch pages;         ///< what average_page needs
        Compressor::Scratch compressor;
        EntryIndexer::Scratch indexer;
        panels::QuantisedRows q_latent_int8, group_int8, grouped_int8;

        /// `indexer`: sizes of the layers' indexers, or nothing; `entries`: the most that a query may see.
        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const Config& config, const EntryIndexer::Config* indexer, std::int64_t entries,
                                         std::size_t workers);
    };

    Config config;
    Weights weights;
    std::optional<Compressor> compressor;  ///< none: the window is all there is
    std::optional<EntryIndexer> indexer;   ///< none: every entry is attended to

    /// Sizes of this layer's cache.
    [[nodiscard]] SharedKvSizes cache_sizes() const noexcept;

    /// x [T, D] at positions cache.position() … → y [T, D]; the cache has them remembered afterwards. Page by page: scratch does
    /// not grow with T. `rope` is that of the layer's kind, for all that it rotates.
    void forward(const ops::Run& run, const ops::Input& x, const Rope& rope, SharedKvCache& cache, Rows y, const Scratch& scratch) const;

 private:
    struct VisibleKeys;

    void forward_page(const ops::Run& run, const ops::Input& x, const Rope& rope, SharedKvCache& cache, Rows y, const Scratch& scratch) const;
    void read(const ops::Run& run, const ops::Input& x, SharedKvCache& cache, Rows latent, const Scratch& scratch) const;
    void remember(const ops::Run& run, Rows kv, const RopeAngles& angles, const Rope& rope, SharedKvCache& cache, const Scratch& scratch) const;
    void compress(const ops::Run& run, std::int64_t T, const Rope& rope, SharedKvCache& cache, const Scratch& scratch) const;
    void attend(const ops::Run& run, std::span<const std::int32_t> chosen, const SharedKvCache& cache, Rows q, const Scratch& scratch) const;
    void attend_together(const ops::Run& run, const VisibleKeys& seen, std::span<float> q, const Scratch& scratch) const;
    [[nodiscard]] VisibleKeys visible(std::span<const std::int32_t> chosen, const SharedKvCache& cache, std::int64_t t) const noexcept;
    void average_block(const ops::Run& run, std::size_t worker, const VisibleKeys& seen, std::int64_t b, ConstRows queries, const Scratch& scratch,
                       const Averages& to) const;
    void finish(const Averages& sums, std::int64_t head, Rows queries) const;
    void project(const ops::Run& run, ConstRows heads, Rows y, const Scratch& scratch) const;
    void project_groups(const ops::Run& run, ConstRows groups, Rows to, const Scratch& scratch) const;
};

}  // namespace rorqual::layers
