#include "families/deepseek_v4/token_prediction.hpp"

#include <cmath>

namespace rorqual::families::deepseek_v4 {

std::size_t TokenPrediction::cache_bytes_per_token(CacheFormat format) const noexcept {
    return static_cast<std::size_t>(std::ceil(layers::SharedKvCache::bytes_per_token(format, weights.block.attention.cache_sizes())));
}

std::uint64_t TokenPrediction::cache_bytes(CacheFormat format, std::int64_t tokens) const {
    return layers::SharedKvCache::bytes_at(format, weights.block.attention.cache_sizes(), tokens);
}

std::unique_ptr<layers::LayerState> TokenPrediction::new_state(CacheFormat format, std::pmr::memory_resource& memory) const {
    return std::make_unique<layers::SharedKvCache>(format, weights.block.attention.cache_sizes(), memory);
}

void TokenPrediction::forward(const ops::Run& given, const Compute&, ConstRows hidden, std::span<const Token> next, std::int64_t,
                              layers::LayerState& state, Workspace& workspace, Rows out) const {
    const auto& scratch = static_cast<const Scratch&>(workspace);
    auto run = given.with(scratch.products);
    run.gemm = ops::Gemm::own;
    const auto a = scratch.activations(next, out);
    join(run, hidden, next, a);
    const Part all{hidden.rows, &static_cast<layers::SharedKvCache&>(state)};
    (void)weights.block.forward(run, a, rope_, std::span(&all, 1));
}

// S_k ← h_proj·norm(S_k) + e_proj·norm(e), stream by stream: `hidden` may lie where the streams do.
void TokenPrediction::join(const ops::Run& run, ConstRows hidden, std::span<const Token> next, const Activations& a) const {
    const auto D = config_.hyper.hidden;
    ops::embedding(weights.embedding, next, a.h);
    ops::rms_norm(run, a.h, weights.embedding_norm, config_.norm_eps, a.h);
    ops::matmul(run, weights.embedding_join, ops::input(run, a.h, a.scratch.h_int8), a.out);
    for (std::int64_t k = 0; k < config_.hyper.streams; ++k) {
        const auto stream = a.streams.slice_cols(k * D, D);
        ops::rms_norm(run, hidden.slice_cols(k * D, D), weights.hidden_norm, config_.norm_eps, a.h);
        ops::matmul(run, weights.hidden_join, ops::input(run, a.h, a.scratch.h_int8), stream);
        ops::add(a.out, stream);
    }
}

void TokenPrediction::logits(const ops::Run& given, Workspace& workspace, ConstRows hidden, Rows logits) const {
    const auto& scratch = static_cast<const Scratch&>(workspace);
    auto run = given.with(scratch.products);
    run.gemm = ops::Gemm::own;
    weights.output.logits(run, hidden, config_.norm_eps, 0, logits, scratch);
}

}  // namespace rorqual::families::deepseek_v4
