#pragma once

#include <csignal>

#include "library.hpp"

namespace cli {

/// While it lives, Ctrl-C cancels what a session computes instead of ending the program. One at a time.
class Interruptible {
 public:
    enum class Again { ends_the_program,
                       cancels_too };  ///< what a second Ctrl-C does
    Interruptible(const rq_session* session, Again again);
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;

 private:
    struct sigaction before_ {};
};

}  // namespace cli
