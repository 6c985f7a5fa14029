#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "families/latent_moe/config.hpp"

namespace rorqual::families::deepseek_v3 {

/// config.json of DeepSeek-V3, R1 and V3.1, and of the models of their shape: Moonlight, Kimi-K2 and GLM-4.7-Flash. Paper: "DeepSeek-V3
/// Technical Report"; reference: DeepSeek-V3 inference/model.py and transformers, deepseek_v3/configuration_deepseek_v3.py.
/// Every problem goes into `problems`; the result then is fit for nothing.
[[nodiscard]] latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

/// The same of a family that has this and more. `model_types`: the names it goes by.
void read_model(latent_moe::ConfigReading& reading, const std::vector<std::string>& model_types);

}  // namespace rorqual::families::deepseek_v3
