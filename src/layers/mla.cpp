#include "layers/mla.hpp"

namespace rorqual::layers {

Mla::Query Mla::query(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const {
    const auto& shape = config.shape;
    const auto T = x.x.rows;
    const auto q = scratch.q.slice_rows(0, T);
    ops::Input latent = ConstRows{};
    if (config.q_lora_rank == 0) {
        ops::matmul(run, weights.wq, x, q);
    } else {
        const auto c_q = scratch.q_latent.slice_rows(0, T);
        ops::matmul(run, weights.wq_a, x, c_q);
        ops::rms_norm(run, c_q, weights.q_a_norm, config.norm_eps, c_q);
        latent = ops::input(run, c_q, scratch.q_latent_int8);
        ops::matmul(run, weights.wq_b, latent, q);
    }
    const auto head_dim = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    ops::rope(angles.cos, angles.sin, RopePairs::adjacent, shape.heads, head_dim, shape.qk_nope_head_dim, q);
    return {latent, q};
}

Mla::Keys Mla::keys(const ops::Run& run, const ops::Input& x, const RopeAngles& angles, const Scratch& scratch) const {
    const auto& shape = config.shape;
    const auto kv_a = scratch.kv_a.slice_rows(0, x.x.rows);
    const auto c_kv = kv_a.slice_cols(0, shape.kv_lora_rank);
    const auto k_pe = kv_a.slice_cols(shape.kv_lora_rank, shape.qk_rope_head_dim);
    ops::matmul(run, weights.wkv_a, x, kv_a);
    ops::rms_norm(run, c_kv, weights.kv_a_norm, config.norm_eps, c_kv);  // the rope key has no norm
    ops::rope(angles.cos, angles.sin, RopePairs::adjacent, 1, shape.qk_rope_head_dim, 0, k_pe);
    return {c_kv, k_pe};
}

void Mla::remember(const ops::Run& run, const Keys& keys, LatentCache& cache, const Scratch& scratch) const {
    if (cache.format() == CacheFormat::int8) {
        cache.append(ops::quantise(run, keys.c_kv, scratch.c_kv_int8), ops::quantise(run, keys.k_pe, scratch.k_pe_int8));
    } else {
        cache.append(keys.c_kv, keys.k_pe);
    }
}

void Mla::attend(const ops::Run& run, AttentionForm form, ConstRows q, const LatentCache& cache, const Selection& selection, Rows heads,
                 const Scratch& scratch) const {
    layers::attend(run, config.shape, form, q, cache.blocks(), weights.wkv_b, cache.position() - q.rows, selection, heads, scratch.attention);
}

void Mla::project(const ops::Run& run, ConstRows heads, Rows y, const Scratch& scratch) const {
    ops::matmul(run, weights.wo, ops::input(run, heads, scratch.heads_int8), y);
}

Mla::Scratch Mla::Scratch::cut(cpu::Arena& arena, const Config& config, std::int64_t chunk, std::size_t workers, bool selects) {
    return {.q_latent = arena.take_rows(chunk, config.q_lora_rank),
            .q = arena.take_rows(chunk, config.q_width()),
            .kv_a = arena.take_rows(chunk, config.kv_a_width()),
            .heads = arena.take_rows(chunk, config.out_width()),
            .q_latent_int8 = ops::take_room(arena, chunk, config.q_lora_rank),
            .heads_int8 = ops::take_room(arena, chunk, config.out_width()),
            .c_kv_int8 = ops::take_room(arena, chunk, config.shape.kv_lora_rank),
            .k_pe_int8 = ops::take_room(arena, chunk, config.shape.qk_rope_head_dim),
            .attention = AttentionScratch::cut(arena, config.shape, chunk, workers, selects)};
}

}  // namespace rorqual::layers
