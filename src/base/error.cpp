#include "rorqual/error.hpp"

namespace rorqual {

const char* name(Status status) noexcept {
    switch (status) {
        case Status::ok: return "ok";
        case Status::invalid_argument: return "invalid_argument";
        case Status::not_found: return "not_found";
        case Status::io: return "io";
        case Status::corrupt: return "corrupt";
        case Status::unsupported: return "unsupported";
        case Status::no_memory: return "no_memory";
        case Status::context_full: return "context_full";
        case Status::cancelled: return "cancelled";
        case Status::callback: return "callback";
        case Status::wrong_state: return "wrong_state";
        case Status::internal: return "internal";
    }
    return "unknown";
}

}  // namespace rorqual
