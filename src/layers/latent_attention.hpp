#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "layers/latent_cache.hpp"
#include "layers/page_average.hpp"
#include "layers/selection.hpp"
#include "ops/run.hpp"
#include "rorqual/mla.hpp"

namespace rorqual::layers {

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
    std::int64_t queries = 0;                       ///< queries the absorbed form takes at once
    std::int64_t slots = 0;                         ///< averages of runs that can wait to be merged
    Rows q_hat;                                     ///< [queries·H, kv_lora] absorbed queries, then averaged latents
    panels::QuantisedRows q_int8, q_pe_int8;        ///< [queries·H, kv_lora] or [chunk·H, nope], and [chunk·H, rope]: what meets keys in int8
    float* peak = nullptr;                          ///< [chunk·H]
    float* total = nullptr;                         ///< [chunk·H]
    Rows sums;                                      ///< [2·workers·64, kv_lora] values of merged pages
    Averages page;                                  ///< [workers·64], width max(kv_lora, v): single pages
    Averages runs;                                  ///< [slots·64], width kv_lora: runs of pages
    PageScratch pages;                              ///< what average_page needs
    Rows picked_latents, picked_ropes;              ///< [workers·128, kv_lora | rope]: selected tokens of a page, side by side
    panels::QuantisedRows int8;                     ///< [workers·128, max(nope, kv_lora, v)]
    Rows latents, ropes, keys, values;              ///< [workers·128, kv_lora | rope | nope | v]: a page expanded by the naive form
    std::span<std::byte> key_panels, value_panels;  ///< the last two in int8, a page for every worker

    /// f32 values of ops::Scratch that a quantised w_kv_b or cache of this shape needs.
    [[nodiscard]] static std::int64_t decoded_values(const LatentAttentionShape& shape) noexcept {
        return std::max(shape.qk_nope_head_dim, page_tokens) * shape.kv_lora_rank;
    }
    /// `selects`: attention may be told which tokens to see.
    [[nodiscard]] static AttentionScratch cut(cpu::Arena& arena, const LatentAttentionShape& shape, std::int64_t chunk,
                                              std::size_t workers, bool selects = false);
};

/// The public cheaper_form(), where the absorbed form attends to `seen` of the cached tokens: the naive one expands all.
[[nodiscard]] AttentionForm cheaper_form(const LatentAttentionShape& shape, std::int64_t queries, std::int64_t cached, std::int64_t seen) noexcept;

/// Causal latent attention of q [T, H·(nope+rope)] (rows adjacent, rope parts rotated) at positions first … first+T−1 over
/// the cached `blocks`, which hold at least first+T tokens; each query sees the tokens selected for it alone. out [T, H·v]. Symbols as in
/// rorqual::latent_attention.
///
/// The order of summation is canonical: for each query and head every page gives its own softmax and average, over exactly
/// the tokens the query sees; pages are merged one after another from the first on, in the absorbed form four of them into
/// one average first, then those. So a result depends neither on the
/// queries evaluated beside it, nor on how the work is cut into tasks, nor on the number of threads.
void attend(const ops::Run& run, const LatentAttentionShape& shape, AttentionForm form, ConstRows q,
            std::span<const KeyBlock> blocks, const KvB& kv_b, std::int64_t first, const Selection& selection, Rows out,
            const AttentionScratch& scratch);

}  // namespace rorqual::layers
