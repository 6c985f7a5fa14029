#pragma once

#include <optional>

#include "weights/config_reader.hpp"
#include "weights/tensor_table.hpp"

namespace rorqual::families {

/// What quantization_config says of a checkpoint's fp8 weights: how many rows and columns share a scale; nothing where there is no such
/// object. Which matrices are stored so each tells by itself. Other ways to quantise are problems that name the key.
[[nodiscard]] std::optional<weights::BlockSize> read_fp8_blocks(weights::ConfigReader& config);

}  // namespace rorqual::families
