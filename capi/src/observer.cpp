#define RQ_ENABLE_UNSTABLE
#include <string>

#include "arguments.hpp"
#include "boundary.hpp"
#include "handles.hpp"

using namespace rorqual;
using namespace rorqual::capi;

namespace {

void check(std::int32_t answer, const char* callback) {
    if (answer != 0) throw Error(Status::callback, std::string("observer.") + callback + ": answered " + std::to_string(answer));
}

}  // namespace

void HostObserver::hidden(std::int64_t layer, std::int64_t position, ConstRows x) {
    if (hidden_ != nullptr) check(hidden_(layer, position, x.rows, x.cols, x.stride, x.data, user_), "hidden");
}

void HostObserver::experts(std::int64_t layer, std::int64_t position, std::int64_t per_token, std::span<const std::int32_t> ids,
                           std::span<const float> weights) {
    if (experts_ == nullptr) return;
    const std::int64_t tokens = per_token == 0 ? 0 : static_cast<std::int64_t>(ids.size()) / per_token;
    check(experts_(layer, position, tokens, per_token, ids.data(), weights.data(), user_), "experts");
}

int32_t rq_session_observe(rq_session* session, const rq_observer* observer, rq_error* err) {
    return boundary(err, [&] {
        Timeline& timeline = *required(session, "session").timeline;
        if (timeline.generating) throw Error(Status::wrong_state, "session: a generation is under way on it");
        if (observer == nullptr) {
            timeline.session.observe(nullptr);
            timeline.observer.reset();
            return;
        }
        const auto o = input(observer, "observer");
        reserved(o.reserved, "observer.reserved");
        reserved(o.reserved_pointer, "observer.reserved_pointer");
        timeline.session.observe(&timeline.observer.emplace(o.hidden, o.experts, o.user));
    });
}
