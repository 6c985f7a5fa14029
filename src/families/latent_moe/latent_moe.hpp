#pragma once

#include <optional>
#include <vector>

#include "families/latent_moe/block.hpp"
#include "families/latent_moe/config.hpp"
#include "families/latent_moe/token_prediction.hpp"
#include "families/network.hpp"

namespace rorqual::families::latent_moe {

/// Latent attention and mixtures of experts in a plain residual stream: DeepSeek-V2, V3, V3.2 and the models of their shape, which differ in
/// config alone. Reference: DeepSeek-V3 inference/model.py; transformers, deepseek_v2, deepseek_v3 and deepseek_v32.
class LatentMoe final : public Network {
 public:
    explicit LatentMoe(Config config);

    [[nodiscard]] const Geometry& geometry() const noexcept override { return config_.geometry; }
    void list_tensors(weights::TensorTable& table) override;
    [[nodiscard]] std::unique_ptr<const weights::TensorLayout> gguf_layout() const override;
    void tie_weights() override;
    [[nodiscard]] std::vector<GgufTensor> gguf_form(LatentLayout latent, io::GgufHeader& header) override;
    [[nodiscard]] bool has_int8_cache() const noexcept override;
    [[nodiscard]] std::size_t cache_bytes_per_token(CacheFormat format) const noexcept override;
    [[nodiscard]] States new_states(CacheFormat format, std::pmr::memory_resource& memory) const override;
    [[nodiscard]] std::unique_ptr<Workspace> new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t context,
                                                           std::size_t workers) const override;
    void forward(const ops::Run& run, const Compute& compute, std::span<const Token> tokens, std::span<const Sequence> sequences,
                 Workspace& workspace, Rows hidden) const override;
    void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, std::int64_t first, Rows logits) const override;
    [[nodiscard]] const DraftHead* draft_head() const noexcept override { return prediction_ ? &*prediction_ : nullptr; }

 private:
    void list_model(weights::TensorTable& table);
    void list_prediction(weights::TensorTable& table);
    void list_block(weights::TensorTable& table, const std::string& prefix, Block& to) const;
    void list_attention(weights::TensorTable& table, const std::string& prefix, layers::Mla::Weights& to) const;
    void list_indexer(weights::TensorTable& table, const std::string& prefix, layers::Indexer::Weights& to) const;
    void list_experts(weights::TensorTable& table, const std::string& prefix, layers::ExpertFfn& to) const;
    void count_parameters();
    [[nodiscard]] std::optional<DType> tied_head_format() const;
    [[nodiscard]] bool has_packed_blocks() const;
    [[nodiscard]] std::int64_t most_decoded_values() const;

    Config config_;
    Rope rope_;
    WeightView embedding_;  // [V, D]
    std::vector<Block> blocks_;
    std::vector<float> norm_;  // [D]
    WeightView head_;          // [V, D]; the embedding where they are tied
    std::optional<TokenPrediction> prediction_;
};

/// A network of the config that `read` makes of config.json; nullptr when problems were found.
using ReadConfig = Config (*)(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);
[[nodiscard]] std::unique_ptr<Network> make(ReadConfig read, const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::latent_moe
