#pragma once

#include <cstdint>
#include <string>

#include "rorqual/error.hpp"
#include "rorqual/tensor.hpp"

// Checks of what callers of the public operations hand over; each throws Error(invalid_argument) that names the operand.

namespace rorqual::ops {

/// The view describes memory: no negative size, rows that do not overlap, data where there are elements.
void check_rows(const char* name, const ConstRows& x);

/// A weight matrix of a format that the products have.
void check_weight(const char* name, const WeightView& w);

/// `what` ("x: columns") is as another operand demands.
void check_size(const char* what, std::int64_t is, std::int64_t expected);

}  // namespace rorqual::ops
