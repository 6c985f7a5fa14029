#pragma once

#include <nlohmann/json_fwd.hpp>

#include "families/latent_moe/config.hpp"

namespace rorqual::families::deepseek_v32 {

/// config.json of DeepSeek-V3.2, V3.2-Exp and V3.2-Speciale: DeepSeek-V3 with a lightning indexer. Paper: "DeepSeek-V3.2: Pushing the Frontier of
/// Open Large Language Models"; reference: DeepSeek-V3.2-Exp inference/model.py (where the indexer still rotates adjacent pairs, which was corrected
/// with the published weights) and transformers, deepseek_v32/configuration_deepseek_v32.py. Every problem goes into `problems`; the result
/// then is fit for nothing.
[[nodiscard]] latent_moe::Config read_config(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::deepseek_v32
