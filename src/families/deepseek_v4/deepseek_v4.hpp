#pragma once

#include <string>
#include <vector>

#include "families/deepseek_v4/block.hpp"
#include "families/deepseek_v4/config.hpp"
#include "families/deepseek_v4/token_prediction.hpp"
#include "families/network.hpp"

namespace rorqual::families::deepseek_v4 {

/// DeepSeek-V4 Flash and Pro: a residual stream of several streams, attention over a window and compressed entries, experts chosen by token in the
/// first layers and by score in the others. Paper: "DeepSeek-V4"; reference: DeepSeek-V4 inference/model.py; transformers, deepseek_v4.
///
/// The same bits for every way of cutting a prompt in every mode: libraries carry no products here.
class DeepseekV4 final : public Network {
 public:
    explicit DeepseekV4(Config config);

    [[nodiscard]] const Geometry& geometry() const noexcept override { return config_.geometry; }
    void choose_parts(const weights::StoredTensors& stored) override;
    void list_tensors(weights::TensorTable& table) override;
    [[nodiscard]] std::unique_ptr<const weights::TensorLayout> gguf_layout() const override;
    void tie_weights() override;
    [[nodiscard]] std::vector<GgufTensor> gguf_form(LatentLayout latent, io::GgufHeader& header) override;
    /// All streams of the last block: what is read of them, and how, is the matter of who uses them.
    [[nodiscard]] std::int64_t hidden_width() const noexcept override { return config_.hyper.streams * config_.hyper.hidden; }
    [[nodiscard]] bool has_int8_cache() const noexcept override { return false; }
    /// Where a Hadamard transform takes its index keys: as many values as a power of two.
    [[nodiscard]] bool has_compact_cache() const noexcept override;
    [[nodiscard]] std::size_t cache_bytes_per_token(CacheFormat format) const noexcept override;
    [[nodiscard]] std::uint64_t cache_bytes(CacheFormat format, std::int64_t tokens) const override;
    [[nodiscard]] States new_states(CacheFormat format, std::pmr::memory_resource& memory) const override;
    [[nodiscard]] std::unique_ptr<Workspace> new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t context,
                                                           std::size_t workers) const override;
    void forward(const ops::Run& run, const Compute& compute, std::span<const Token> tokens, std::span<const Sequence> sequences,
                 Workspace& workspace, Rows hidden) const override;
    void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, std::int64_t first, Rows logits) const override;
    [[nodiscard]] const DraftHead* draft_head() const noexcept override { return prediction_ ? &*prediction_ : nullptr; }

 private:
    [[nodiscard]] Block empty_block(Ratio ratio, bool by_token) const;
    [[nodiscard]] const Rope& rope_of(std::int64_t layer) const noexcept;
    [[nodiscard]] std::int64_t most_decoded_values() const noexcept;
    void list_model(weights::TensorTable& table);
    void list_prediction(weights::TensorTable& table);
    void list_block(weights::TensorTable& table, const std::string& prefix, Block& to) const;
    void list_attention(weights::TensorTable& table, const std::string& prefix, layers::SharedKvAttention& to) const;
    void list_ffn(weights::TensorTable& table, const std::string& prefix, Block& to) const;
    void count_parameters();

    Config config_;
    Rope rope_, compress_rope_;
    WeightView embedding_;  // [V, D]
    std::vector<Block> blocks_;
    OutputHead output_;
    std::optional<TokenPrediction> prediction_;
};

}  // namespace rorqual::families::deepseek_v4
