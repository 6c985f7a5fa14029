#pragma once

#include <cstdint>
#include <exception>
#include <utility>

#include "rorqual/rorqual.h"

namespace rorqual::capi {

/// Writes a status and its line into the caller's error, no further than its struct_size; NULL is fine. Returns the status.
std::int32_t report(rq_error* err, std::int32_t status, const char* line) noexcept;

/// Turns the exception being handled into a status and reports it: the only place that knows how exceptions map to codes.
std::int32_t report_current_exception(rq_error* err) noexcept;

/// The same of an exception that was kept; nullptr is RQ_OK.
std::int32_t report_exception(rq_error* err, const std::exception_ptr& failure) noexcept;

/// Runs the body of an exported function. Whatever it throws becomes a status and fills `err`, without allocating; nothing
/// leaves. Every function that takes an rq_error is one call of this.
template <class Body>
std::int32_t boundary(rq_error* err, Body&& body) noexcept {
    try {
        std::forward<Body>(body)();
    } catch (...) {
        return report_current_exception(err);
    }
    return report(err, RQ_OK, "");
}

}  // namespace rorqual::capi
