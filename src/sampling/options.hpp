#pragma once

#include <cstdint>

#include "rorqual/sampler.hpp"

namespace rorqual::sampling {

/// Throws Error(invalid_argument) naming the first option that is NaN or out of range.
void check(const SamplingOptions& options, std::int64_t vocab_size);

}  // namespace rorqual::sampling
