#pragma once

#include <optional>
#include <vector>

#include "families/deepseek_v2/block.hpp"
#include "families/deepseek_v2/config.hpp"
#include "families/network.hpp"

namespace rorqual::families::deepseek_v2 {

/// DeepSeek-V2, V2-Lite, V2.5 and Coder-V2. Paper: "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts
/// Language Model"; reference: DeepSeek-V3 inference/model.py and transformers, deepseek_v2.
class DeepseekV2 final : public Network {
 public:
    explicit DeepseekV2(Config config);

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
    void forward(const ops::Run& run, const Compute& compute, std::span<const Token> tokens, std::int64_t position,
                 States& states, Workspace& workspace, Rows hidden) const override;
    void logits(const ops::Run& run, Workspace& workspace, ConstRows hidden, Rows logits) const override;

 private:
    void list_attention(weights::TensorTable& table, const std::string& prefix, layers::Mla::Weights& to) const;
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
};

}  // namespace rorqual::families::deepseek_v2
