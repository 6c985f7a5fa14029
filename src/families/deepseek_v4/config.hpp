#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "layers/entry_indexer.hpp"
#include "layers/experts.hpp"
#include "layers/hyper_connections.hpp"
#include "layers/shared_kv_attention.hpp"
#include "rorqual/model.hpp"
#include "rorqual/moe.hpp"
#include "rorqual/ops.hpp"
#include "weights/config_reader.hpp"
#include "weights/problems.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families::deepseek_v4 {

/// Tokens that one compressed entry stands for.
enum class Ratio : std::int64_t {
    none = 0,     ///< the window is all a layer sees
    sparse = 4,   ///< compressed sparse attention: windows overlap, an indexer chooses
    heavy = 128,  ///< heavily compressed attention: every entry is seen
};

/// config.json of DeepSeek-V4 Flash and Pro, checked. Reference: DeepSeek-V4 inference/model.py, ModelArgs.
struct Config {
    Geometry geometry;  ///< without the parameter counts
    layers::HyperConfig hyper;
    layers::SharedKvAttention::Config attention;
    layers::EntryIndexer::Config indexer;  ///< of the layers whose ratio is sparse
    std::vector<Ratio> ratios;             ///< compress_ratios [layers]
    float norm_eps = 0;
    double rope_theta = 0;           ///< of layers that compress nothing, without scaling
    double compress_rope_theta = 0;  ///< of all others, for all that they rotate
    YarnScaling yarn;                ///< the same
    RouterOptions router;
    bool predicts = false;          ///< num_nextn_predict_layers: one more block may predict the token after the next
    std::int64_t hash_layers = 0;   ///< num_hash_layers: the first ones choose experts by the token
    std::int64_t expert_width = 0;  ///< moe_intermediate_size
    std::int64_t shared_width = 0;  ///< n_shared_experts · moe_intermediate_size; 0 = none
    layers::SwigluLimit swiglu_limit;
    std::optional<weights::BlockSize> fp8_blocks;  ///< quantization_config

    [[nodiscard]] layers::ExpertsShape experts_shape() const noexcept {
        return {router.experts, router.experts_per_token, geometry.hidden_size, expert_width, swiglu_limit};
    }
    [[nodiscard]] bool has_indexer() const noexcept;
    /// The most entries a query may see.
    [[nodiscard]] std::int64_t most_entries(std::int64_t context) const noexcept { return has_indexer() ? context / static_cast<std::int64_t>(Ratio::sparse) : 0; }
};

/// Every problem goes into `problems`; the result then is fit for nothing.
[[nodiscard]] Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::deepseek_v4
