#pragma once

#include <vector>

#include "families/deepseek_v4/block.hpp"
#include "families/deepseek_v4/config.hpp"
#include "families/deepseek_v4/output_head.hpp"
#include "families/draft_head.hpp"

namespace rorqual::families::deepseek_v4 {

/// Multi-token prediction: one more block, whose streams begin as those of the network's last block joined with the embedding of the token that
/// follows,  S_k ← h_proj·norm(S_k) + e_proj·norm(e).  It sees a window alone and has an output of its own before the shared head.
/// Reference: DeepSeek-V4 inference/model.py, MTPBlock.
class TokenPrediction final : public DraftHead {
 public:
    static constexpr const char* prefix = "mtp.0.";  ///< of its tensors

    struct Weights {
        WeightView embedding;               ///< [V, D] the network's
        std::vector<float> embedding_norm;  ///< [D] enorm
        std::vector<float> hidden_norm;     ///< [D] hnorm, of each stream
        WeightView embedding_join;          ///< [D, D] e_proj
        WeightView hidden_join;             ///< [D, D] h_proj
        Block block;
        OutputHead output;  ///< its head is the network's
    };

    /// Borrows both.
    TokenPrediction(const Config& config, const Rope& rope, Block block) : config_(config), rope_(rope) {
        weights.block = std::move(block);
        weights.output.streams.config = config.hyper;
    }

    [[nodiscard]] std::size_t cache_bytes_per_token(CacheFormat format) const noexcept override;
    [[nodiscard]] std::uint64_t cache_bytes(CacheFormat format, std::int64_t tokens) const override;
    [[nodiscard]] std::unique_ptr<layers::LayerState> new_state(CacheFormat format, std::pmr::memory_resource& memory) const override;
    void forward(const ops::Run& run, const Compute& compute, ConstRows hidden, std::span<const Token> next, std::int64_t position,
                 layers::LayerState& state, Workspace& workspace, Rows out) const override;
    void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, Rows logits) const override;

 private:
    void join(const ops::Run& run, ConstRows hidden, std::span<const Token> next, const Activations& a) const;

    const Config& config_;
    const Rope& rope_;

 public:
    Weights weights;  ///< filled while loading
};

}  // namespace rorqual::families::deepseek_v4
