#pragma once

#include <cstdint>
#include <vector>

#include "cpu/arena.hpp"
#include "layers/latent_attention.hpp"
#include "layers/latent_cache.hpp"
#include "ops/run.hpp"
#include "rorqual/mla.hpp"

namespace rorqual::layers {

/// cos and sin of the positions of one chunk, made once and used by every layer: each [T, rope/2].
struct RopeAngles {
    ConstRows cos;
    ConstRows sin;
};

/// Multi-head latent attention. DeepSeek-V2 §2.1; reference: DeepSeek-V3 inference/model.py, MLA.
struct Mla {
    struct Config {
        LatentAttentionShape shape;
        std::int64_t hidden = 0;       ///< D
        std::int64_t q_lora_rank = 0;  ///< 0: queries come straight from x, by `wq`
        float norm_eps = 0;            ///< of q_a_norm and kv_a_norm

        [[nodiscard]] std::int64_t q_width() const noexcept {
            return shape.heads * (shape.qk_nope_head_dim + shape.qk_rope_head_dim);
        }
        [[nodiscard]] std::int64_t kv_a_width() const noexcept { return shape.kv_lora_rank + shape.qk_rope_head_dim; }
        [[nodiscard]] std::int64_t out_width() const noexcept { return shape.heads * shape.v_head_dim; }
    };
    struct Weights {
        WeightView wq;                 ///< [H·(nope+rope), D], where there is no q_lora_rank; else
        WeightView wq_a;               ///< [q_lora, D]
        std::vector<float> q_a_norm;   ///< [q_lora]
        WeightView wq_b;               ///< [H·(nope+rope), q_lora]
        WeightView wkv_a;              ///< [kv_lora + rope, D]
        std::vector<float> kv_a_norm;  ///< [kv_lora]
        KvB wkv_b;                     ///< W_uk and W_uv of every head
        WeightView wo;                 ///< [D, H·v]
    };
    struct Scratch {
        Rows q_latent;  ///< [chunk, q_lora]
        Rows q;         ///< [chunk, H·(nope+rope)]
        Rows kv_a;      ///< [chunk, kv_lora + rope]
        Rows heads;     ///< [chunk, H·v]
        panels::QuantisedRows q_latent_int8, heads_int8, c_kv_int8, k_pe_int8;
        AttentionScratch attention;

        [[nodiscard]] static Scratch cut(cpu::Arena& arena, const Config& config, std::int64_t chunk, std::size_t workers, bool selects);
    };
    /// Queries of T tokens: views into the scratch, valid until its next use.
    struct Query {
        ops::Input latent;  ///< [T, q_lora] after its norm; no rows without q_lora_rank
        ConstRows heads;    ///< [T, H·(nope+rope)], rope parts rotated
    };
    /// What T tokens are remembered by: views into the scratch, valid until its next use.
    struct Keys {
        ConstRows c_kv;  ///< [T, kv_lora] after its norm
        ConstRows k_pe;  ///< [T, rope], rotated

        [[nodiscard]] Keys slice_rows(std::int64_t first, std::int64_t count) const noexcept {
            return {c_kv.slice_rows(first, count), k_pe.slice_rows(first, count)};
        }
    };

    Config config;
    Weights weights;

    /// x [T, D] → latent c_q, then q_nope and q_pe of every head. V2 eq. (12)–(14), (16).
    [[nodiscard]] Query query(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const;

    /// x [T, D] → c_kv and k_pe: all that a cache has to keep. V2 eq. (9), (15).
    [[nodiscard]] Keys keys(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const;

    /// The cache has T more tokens, in its format.
    void remember(const ops::Run& run, const Keys& keys, LatentCache& cache, const Scratch& scratch) const;

    /// The last T tokens of a cache, with queries q [T, H·(nope+rope)], look at what is selected for them, which lies among what is
    /// remembered up to themselves. heads [T, H·v]. V2 eq. (17)–(18).
    void attend(const ops::Run& run, AttentionForm form, ConstRows q, const LatentCache& cache, const Selection& selection, Rows heads, const Scratch& scratch) const;

    /// heads [T, H·v] → y [T, D]. V2 eq. (19).
    void project(const ops::Run& run, ConstRows heads, Rows y, const Scratch& scratch) const;
};

}  // namespace rorqual::layers
