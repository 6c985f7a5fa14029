#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "layers/latent_cache.hpp"
#include "ops/run.hpp"
#include "rorqual/mla.hpp"

namespace rorqual::layers {

/// Softmax averages in the making, one a row (a row is one query of one head).
struct Averages {
    float* peak = nullptr;   ///< [rows] largest score so far
    float* total = nullptr;  ///< [rows] Σ exp(score − peak); 0 = nothing seen
    Rows values;             ///< [rows, width] of one page: the average; of pages merged: Σ exp(score − peak) · value

    [[nodiscard]] Averages from(std::int64_t row, std::int64_t count) const noexcept {
        return {peak + row, total + row, values.slice_rows(row, count)};
    }
};

/// W_kv_b as the forms of attention use it. Those that are packed are there in models with packed weights only, where heads are made of
/// whole panels; fast mode uses them.
struct KvB {
    WeightView w;              ///< [H·(nope+v), kv_lora]: per head the rows of W_uk, then those of W_uv
    WeightView packed;         ///< the same, packed
    WeightView uk_transposed;  ///< [H·kv_lora, nope]: per head W_ukᵀ, packed

    /// True if heads of that shape are made of whole panels and blocks.
    [[nodiscard]] static bool packable(const LatentAttentionShape& shape) noexcept {
        constexpr auto rows = WeightView::panel_rows;
        return shape.qk_nope_head_dim % 32 == 0 && shape.v_head_dim % rows == 0 && shape.kv_lora_rank % 32 == 0;
    }
};

/// Buffers of latent attention: bounded by the chunk and the workers, whatever the number of cached tokens.
struct AttentionScratch {
    std::int64_t queries = 0;    ///< queries the absorbed form takes at once
    std::int64_t slots = 0;      ///< pages' averages that can wait to be merged
    Rows q_hat;                  ///< [queries·H, kv_lora] absorbed queries, then averaged latents
    float* peak = nullptr;       ///< [chunk·H]
    float* total = nullptr;      ///< [chunk·H]
    Rows sums;                   ///< [2·workers·64, kv_lora] values of merged pages
    Averages page;               ///< [slots·64], width max(kv_lora, v): single pages
    Rows scores, rope_scores;    ///< [workers·64, 128]
    panels::QuantisedRows int8;  ///< [workers·128, max(nope, kv_lora)]
    Rows latents, keys, values;  ///< [workers·128, kv_lora | nope | v]: a page expanded by the naive form

    /// f32 values of ops::Scratch that a quantised w_kv_b of this shape needs.
    [[nodiscard]] static std::int64_t decoded_values(const LatentAttentionShape& shape) noexcept {
        return std::max(shape.qk_nope_head_dim, WeightView::panel_rows) * shape.kv_lora_rank;
    }
    [[nodiscard]] static AttentionScratch cut(cpu::Arena& arena, const LatentAttentionShape& shape, std::int64_t chunk,
                                              std::size_t workers);
};

/// Causal latent attention of q [T, H·(nope+rope)] (rows adjacent, rope parts rotated) at positions first … first+T−1 over
/// the cached `blocks`, which hold at least first+T tokens. out [T, H·v]. Symbols as in rorqual::latent_attention.
///
/// The order of summation is canonical: for each query and head every page gives its own softmax and average, over exactly
/// the tokens the query may see; pages are merged one after another from the first on. So a result depends neither on the
/// queries evaluated beside it, nor on how the work is cut into tasks, nor on the number of threads.
void attend(const ops::Run& run, const LatentAttentionShape& shape, AttentionForm form, ConstRows q,
            std::span<const KeyBlock> blocks, const KvB& kv_b, std::int64_t first, Rows out,
            const AttentionScratch& scratch);

}  // namespace rorqual::layers
