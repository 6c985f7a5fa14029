#pragma once

#include "rorqual/session.hpp"
#include "session/timeline.hpp"

namespace rorqual {

/// A session is a timeline behind a public face that checks its arguments. It has one address for its life: generations and
/// cancel() find it there, however the Session object is moved.
struct Session::Impl : session::Timeline {
    using Timeline::Timeline;
};

}  // namespace rorqual
