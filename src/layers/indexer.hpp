#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "layers/index_cache.hpp"
#include "layers/mla.hpp"
#include "layers/selection.hpp"
#include "ops/run.hpp"

namespace rorqual::layers {

/// The lightning indexer of sparse attention: a few small heads score every token for every query, and attention sees those with the
/// highest scores. DeepSeek-V3.2 §2.1, eq. (1)–(2); reference: DeepSeek-V3.2 inference/model.py, Indexer, without its Hadamard transform and
/// fp8: the transform is orthonormal, so it changes nothing where nothing is rounded after it.
struct Indexer {
    struct Config {
        std::int64_t hidden = 0;       ///< D
        std::int64_t q_lora_rank = 0;  ///< width of the latents that queries are made of
        std::int64_t heads = 0;        ///< index_n_heads H
        std::int64_t head_dim = 0;     ///< index_head_dim d: first the rotated part, then the rest, unlike a head of attention
        std::int64_t top_k = 0;        ///< index_topk: tokens that a query attends to
    };
    struct Weights {
        WeightView wq_b;                                ///< [H·d, q_lora]
        WeightView wk;                                  ///< [d, D]
        std::vector<float> k_norm_weight, k_norm_bias;  ///< [d] LayerNorm
        WeightView weights_proj;                        ///< [H, D]
    };
    struct Scratch {
        std::int64_t queries = 0;          ///< that are scored at once
        Rows k;                            ///< [chunk, d]
        Rows q;                            ///< [chunk, H·d]
        Rows head_weights;                 ///< [chunk, H]
        Rows products;                     ///< [workers·H, 128] of one query with a page's keys
        Rows scores;                       ///< [queries, context]
        std::span<std::int32_t> selected;  ///< [chunk·top_k]

        /// For timelines of up to `context` tokens. Where everything is always selected, nothing but room for keys.
        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const Config& config, std::int64_t chunk, std::int64_t context, std::size_t workers);
    };
    /// Queries of T tokens: views into the scratch, valid until its next use.
    struct Query {
        Rows q;             ///< [T, H·d], rotated
        Rows head_weights;  ///< [T, H]

        [[nodiscard]] Query slice_rows(std::int64_t first, std::int64_t count) const noexcept {
            return {q.slice_rows(first, count), head_weights.slice_rows(first, count)};
        }
    };
    static constexpr float norm_eps = 1e-6f;  ///< of k_norm, whatever the config says of other norms

    Config config;
    Weights weights;

    /// x [T, D] → index keys [T, d], which the cache is to remember: also while a timeline is so short that nobody asks for scores. A view into the scratch.
    [[nodiscard]] ConstRows keys(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const;

    /// Does a timeline select from so many tokens? Else it attends to all of them, and needs no queries.
    [[nodiscard]] bool selects(std::int64_t tokens) const noexcept { return tokens > config.top_k; }

    /// `latent` [T, q_lora]: Mla::Query::latent; x [T, D].
    [[nodiscard]] Query query(const ops::Run& run, const ops::Input& latent, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const;

    /// What the last T remembered tokens, whose queries these are, attend to: the top_k tokens up to themselves with the highest scores, of equal
    /// ones the earlier. Everything where the cache holds no more than that. Same bits however a text is cut into evaluations and for
    /// any number of threads. Valid until the scratch's next use.
    [[nodiscard]] Selection select(const ops::Run& run, const Query& query, const IndexCache& cache, const Scratch& scratch) const;

 private:
    void score(const ops::Run& run, const IndexCache& cache, const Query& query, std::int64_t first, const Scratch& scratch) const;
};

}  // namespace rorqual::layers
