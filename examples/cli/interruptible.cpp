#include "interruptible.hpp"

#include <atomic>

namespace cli {
namespace {

// Ctrl-C reaches the session that is running, from the signal handler. The handler may only touch lock-free atomics.
std::atomic<const rq_session*> interruptible{nullptr};
static_assert(std::atomic<const rq_session*>::is_always_lock_free);

}  // namespace

Interruptible::Interruptible(const rq_session* session, Again again) {
    interruptible = session;
    struct sigaction action {};
    action.sa_handler = [](int) { rq_session_cancel(interruptible.load()); };
    action.sa_flags = SA_RESTART;
    if (again == Again::ends_the_program) action.sa_flags |= static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, &before_);
}

Interruptible::~Interruptible() {
    sigaction(SIGINT, &before_, nullptr);
    interruptible = nullptr;
}

}  // namespace cli
