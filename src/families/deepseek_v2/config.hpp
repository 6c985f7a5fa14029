#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "layers/experts.hpp"
#include "layers/mla.hpp"
#include "rorqual/model.hpp"
#include "rorqual/moe.hpp"
#include "rorqual/ops.hpp"
#include "weights/config_reader.hpp"
#include "weights/problems.hpp"

namespace rorqual::families::deepseek_v2 {

/// config.json of a DeepSeek-V2 model, checked. Reference: transformers, deepseek_v2/configuration_deepseek_v2.py.
struct Config {
    Geometry geometry;  ///< without the parameter counts
    layers::Mla::Config mla;
    float norm_eps = 0;  ///< of the norms in the residual stream
    double rope_theta = 0;
    YarnScaling yarn;
    std::int64_t dense_width = 0;    ///< intermediate_size
    RouterOptions router;            ///< experts = 0: every layer is dense
    std::int64_t expert_width = 0;   ///< moe_intermediate_size
    std::int64_t shared_width = 0;   ///< n_shared_experts · moe_intermediate_size; 0 = none
    std::int64_t first_experts = 0;  ///< first_k_dense_replace
    std::int64_t experts_every = 1;  ///< moe_layer_freq
    bool tied = false;               ///< tie_word_embeddings

    [[nodiscard]] bool has_experts(std::int64_t layer) const noexcept {
        return router.experts > 0 && layer >= first_experts && layer % experts_every == 0;
    }
    [[nodiscard]] layers::ExpertsShape experts_shape() const noexcept {
        return {router.experts, router.experts_per_token, geometry.hidden_size, expert_width};
    }
};

/// Every problem goes into `problems`; the result then is fit for nothing. Keys that decide shapes or results are required:
/// the class defaults of the reference differ from every published file.
[[nodiscard]] Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::deepseek_v2
