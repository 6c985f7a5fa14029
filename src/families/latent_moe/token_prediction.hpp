#pragma once

#include <vector>

#include "families/draft_head.hpp"
#include "families/latent_moe/block.hpp"
#include "families/latent_moe/config.hpp"

namespace rorqual::families::latent_moe {

/// Multi-token prediction: one more block, which sees the network's final hidden states joined with the embeddings of the tokens that follow.
/// DeepSeek-V3 §2.2, eq. (21)–(23). The paper writes the hidden state first; published weights expect the embedding first.
class TokenPrediction final : public DraftHead {
 public:
    struct Weights {
        WeightView embedding;               ///< [V, D] embed_tokens: a copy of the network's, or that
        std::vector<float> embedding_norm;  ///< [D] enorm
        std::vector<float> hidden_norm;     ///< [D] hnorm
        WeightView join;                    ///< M [D, 2D] eh_proj
        Block block;
        std::vector<float> norm;  ///< [D] shared_head.norm
        WeightView head;          ///< [V, D] shared_head.head: as the embedding
    };
    /// Tokens of one pass through the block: the join is twice as wide as anything else.
    static constexpr std::int64_t most_tokens = 512;

    /// Borrows both.
    TokenPrediction(const Config& config, const Rope& rope, Block block) : config_(config), rope_(rope) { weights.block = std::move(block); }

    [[nodiscard]] std::size_t cache_bytes_per_token(CacheFormat format) const noexcept override;
    [[nodiscard]] std::unique_ptr<layers::LayerState> new_state(CacheFormat format, std::pmr::memory_resource& memory) const override;
    void forward(const ops::Run& run, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                 layers::LayerState& state, Workspace& workspace, Rows out) const override;
    void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, Rows logits) const override;

 private:
    void forward_piece(const ops::Run& run, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                       BlockState& state, const Scratch& scratch, Rows out) const;

    const Config& config_;
    const Rope& rope_;

 public:
    Weights weights;  ///< filled while loading
};

}  // namespace rorqual::families::latent_moe
