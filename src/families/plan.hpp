#pragma once

#include <cstddef>

#include "families/network.hpp"
#include "rorqual/model.hpp"

namespace rorqual::families {

/// Completes a plan that has the weights' figures with those of one session. Throws Error(invalid_argument) naming an option
/// that no session would take.
[[nodiscard]] Plan plan_session(const Network& network, Plan plan, const SessionOptions& options, Mode default_mode, std::size_t workers);

}  // namespace rorqual::families
