#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "rorqual/dtype.hpp"

namespace rorqual::quant {

/// Index of the first block of `bytes` that stands for NaN or infinite weights: by its scales, or by its value where a block
/// is one number. Nothing if all are finite. Looks at scales only, so it costs little beside reading the bytes at all.
/// `bytes`: whole blocks, any alignment. Formats that cannot hold such values, and those decode() does not know: nothing.
[[nodiscard]] std::optional<std::int64_t> first_not_finite(DType dtype, std::span<const std::byte> bytes) noexcept;

}  // namespace rorqual::quant
