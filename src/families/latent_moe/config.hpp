#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layers/experts.hpp"
#include "layers/indexer.hpp"
#include "layers/mla.hpp"
#include "rorqual/model.hpp"
#include "rorqual/moe.hpp"
#include "rorqual/ops.hpp"
#include "weights/config_reader.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families::latent_moe {

/// The config of a model with latent attention and mixtures of experts, checked. How experts are chosen is each family's own.
struct Config {
    Geometry geometry;  ///< without the parameter counts
    layers::Mla::Config mla;
    std::optional<layers::Indexer::Config> indexer;  ///< none: attention sees every token
    float norm_eps = 0;                              ///< of the norms in the residual stream
    double rope_theta = 0;
    YarnScaling yarn;
    std::int64_t dense_width = 0;                  ///< intermediate_size
    RouterOptions router;                          ///< experts = 0: every layer is dense
    bool choice_bias = false;                      ///< routers have an e_score_correction_bias
    std::int64_t expert_width = 0;                 ///< moe_intermediate_size
    std::int64_t shared_width = 0;                 ///< n_shared_experts · moe_intermediate_size; 0 = none
    std::int64_t first_experts = 0;                ///< first_k_dense_replace
    std::int64_t experts_every = 1;                ///< moe_layer_freq
    bool tied = false;                             ///< tie_word_embeddings
    std::optional<weights::BlockSize> fp8_blocks;  ///< quantization_config
    bool predicts = false;                         ///< num_nextn_predict_layers: one more layer predicts the token after the next

    [[nodiscard]] bool has_experts(std::int64_t layer) const noexcept {
        return router.experts > 0 && layer >= first_experts && layer % experts_every == 0;
    }
    /// Will a timeline of so many tokens see only some of them?
    [[nodiscard]] bool selects(std::int64_t context) const noexcept { return indexer && context > indexer->top_k; }
    [[nodiscard]] layers::ExpertsShape experts_shape() const noexcept {
        return {router.experts, router.experts_per_token, geometry.hidden_size, expert_width};
    }
};

/// Reads a config.json: what the families share, and then, between experts() and check_experts(), what is one family's own. Every problem
/// goes into `problems`; the result then is fit for nothing. Keys that decide shapes or results are required: the class defaults of
/// the references differ from every published file.
struct ConfigReading {
    weights::ConfigReader reader;
    Config c{};

    /// Everything but experts. `model_types`: the names the family goes by.
    void common(const std::vector<std::string>& model_types);
    /// How many experts there are and where. False in models without any.
    [[nodiscard]] bool experts();
    /// n_group and topk_group; 1 where they are missing and `required` is not set.
    void groups(bool required);
    /// index_n_heads, index_head_dim and index_topk: attention sees the tokens an indexer selects. After common().
    void indexer();
    /// Whether the router can choose so many, and all sizes together.
    void check_experts();

    void refuse(const char* key, const char* expected) { reader.complain(key, expected, Status::unsupported); }

 private:
    void sizes();
    void attention();
    void rope();
    void yarn(weights::ConfigReader& scaling, const char* key);
};

}  // namespace rorqual::families::latent_moe
