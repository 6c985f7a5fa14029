#include "families/latent_moe/token_prediction.hpp"

#include <algorithm>

namespace rorqual::families::latent_moe {

std::size_t TokenPrediction::cache_bytes_per_token(CacheFormat format) const noexcept {
    return BlockState::bytes_per_token(config_, format);
}

std::unique_ptr<layers::LayerState> TokenPrediction::new_state(CacheFormat format, std::pmr::memory_resource& memory) const {
    return std::make_unique<BlockState>(config_, format, memory);
}

void TokenPrediction::forward(const ops::Run& given, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                              layers::LayerState& state, Workspace& workspace, Rows out) const {
    const auto& scratch = static_cast<const Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    auto& block_state = static_cast<BlockState&>(state);
    const auto T = static_cast<std::int64_t>(next.size());
    for (std::int64_t t = 0, count; t < T; t += count) {
        count = std::min(scratch.joined.rows, T - t);
        const auto tokens = next.subspan(static_cast<std::size_t>(t), static_cast<std::size_t>(count));
        forward_piece(run, compute, hidden.slice_rows(t, count), tokens, position + t, block_state, scratch, out.slice_rows(t, count));
    }
}

void TokenPrediction::forward_piece(const ops::Run& run, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                                    BlockState& state, const Scratch& scratch, Rows out) const {
    const auto D = config_.geometry.hidden_size;
    const auto T = hidden.rows;
    const auto a = scratch.activations(T);
    rope_.angles(position, scratch.cos.slice_rows(0, T), scratch.sin.slice_rows(0, T));
    const auto joined = scratch.joined.slice_rows(0, T);
    ops::embedding(weights.embedding, next, a.h);
    ops::rms_norm(run, a.h, weights.embedding_norm, config_.norm_eps, joined.slice_cols(0, D));
    ops::rms_norm(run, hidden, weights.hidden_norm, config_.norm_eps, joined.slice_cols(D, D));
    ops::matmul(run, weights.join, ops::input(run, joined, scratch.joined_int8), a.x);  // eq. (21)
    const Part all{T, &state};
    (void)weights.block.forward(run, compute.attention, a, std::span(&all, 1));  // eq. (22)
    ops::rms_norm(run, a.x, weights.norm, config_.norm_eps, out);
}

void TokenPrediction::logits(const ops::Run& given, Workspace& workspace, ConstRows hidden, Rows logits) const {
    const auto& scratch = static_cast<const Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    ops::matmul(run, weights.head, ops::input(run, hidden, scratch.h_int8), logits);  // eq. (23)
}

}  // namespace rorqual::families::latent_moe
