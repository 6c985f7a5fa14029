#pragma once

#include "rorqual/model.hpp"
#include "rorqual/rorqual.h"
#include "rorqual/session.hpp"

/// The option structs of rorqual.h as the engine's own, checked. NULL = all defaults.
namespace rorqual::capi {

SessionOptions session_options(const rq_session_options* given);
SamplingOptions sampling_options(const rq_sampling_options* given);
GenerateOptions generation_options(const rq_generation_options* given);

/// The other way: what a model recommends, for the caller to read. Logit biases do not travel.
rq_sampling_options published(const SamplingOptions& options) noexcept;

}  // namespace rorqual::capi
