#pragma once

#include <nlohmann/json_fwd.hpp>

#include "weights/config_reader.hpp"

namespace rorqual::families::deepseek_v4 {

/// A config.json that transformers saved again says some things by other keys. Gives it the published ones, by which it is read, and
/// notes in `origin` what the file calls them:
///
///     layer_types, compress_rates          -> compress_ratios
///     mlp_layer_types                      -> num_hash_layers
///     rope_parameters: main, compress      -> rope_theta, compress_rope_theta, rope_scaling
///
/// What the published keys say already stays. A config that says nothing by other keys comes back as it is.
[[nodiscard]] nlohmann::json with_published_keys(nlohmann::json config, weights::ConfigOrigin& origin, weights::Problems& problems);

}  // namespace rorqual::families::deepseek_v4
