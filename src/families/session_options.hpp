#pragma once

#include "families/network.hpp"
#include "rorqual/model.hpp"

namespace rorqual::families {

/// The options with their defaults filled in and checked against the model: 1 ≤ context ≤ the model's, 1 ≤ chunk ≤ context, mode and
/// cache no longer automatic. Throws Error naming the option: invalid_argument, or unsupported for a cache or a draft the model cannot have.
[[nodiscard]] SessionOptions resolve(const SessionOptions& options, const Network& network, Mode default_mode);

}  // namespace rorqual::families
