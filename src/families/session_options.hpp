#pragma once

#include "rorqual/model.hpp"

namespace rorqual::families {

/// The options with their defaults filled in and checked against the model: 1 ≤ context ≤ the model's, 1 ≤ chunk ≤ context.
/// Throws Error(invalid_argument) naming the option.
[[nodiscard]] SessionOptions resolve(const SessionOptions& options, const Geometry& geometry);

}  // namespace rorqual::families
