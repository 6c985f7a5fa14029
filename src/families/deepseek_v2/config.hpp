#pragma once

#include <nlohmann/json_fwd.hpp>

#include "families/latent_moe/config.hpp"

namespace rorqual::families::deepseek_v2 {

/// config.json of DeepSeek-V2, V2-Lite, V2.5 and Coder-V2. Paper: "DeepSeek-V2: A Strong, Economical, and Efficient Mixture-of-Experts
/// Language Model"; reference: transformers, deepseek_v2/configuration_deepseek_v2.py.
/// Every problem goes into `problems`; the result then is fit for nothing.
[[nodiscard]] latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::deepseek_v2
