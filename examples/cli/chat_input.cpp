#include "chat_input.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "library.hpp"
#include "output.hpp"

namespace cli {
namespace {

constexpr int paste_pause_ms = 30;  // between the lines of a paste; nobody types that fast

/// While it lives, Ctrl-C waits until somebody looks for it with before(): one that came in between would be lost.
class CtrlCWaits {
 public:
    CtrlCWaits() {
        sigset_t ctrl_c;
        sigemptyset(&ctrl_c);
        sigaddset(&ctrl_c, SIGINT);
        pthread_sigmask(SIG_BLOCK, &ctrl_c, &before_);
    }
    ~CtrlCWaits() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    CtrlCWaits(const CtrlCWaits&) = delete;
    CtrlCWaits& operator=(const CtrlCWaits&) = delete;

    /// The signals that were held back before.
    [[nodiscard]] const sigset_t& before() const noexcept { return before_; }

 private:
    sigset_t before_;
};

}  // namespace

MessageReader::MessageReader(bool terminal) : terminal_(terminal) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    action.sa_flags = 0;
    sigaction(SIGINT, &action, &before_);
}

MessageReader::~MessageReader() { sigaction(SIGINT, &before_, nullptr); }

MessageReader::Got MessageReader::read(std::string& message) {
    message.clear();
    const CtrlCWaits ctrl_c;
    if (terminal_) print("> ");
    for (;;) {
        std::string line;
        const Got got = read_line(line, ctrl_c.before());
        if (got != Got::message) return got;
        const bool goes_on = line.ends_with('\\');
        if (goes_on) line.back() = '\n';
        message += line;
        if (goes_on) {
            if (terminal_) print(". ");
        } else if (more_was_pasted()) {
            message += '\n';
        } else {
            return Got::message;
        }
    }
}

MessageReader::Got MessageReader::read_line(std::string& line, const sigset_t& listens) {
    std::size_t searched = 0;
    for (;;) {
        const auto end = buffer_.find('\n', searched);
        if (end != std::string::npos) {
            line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return Got::message;
        }
        searched = buffer_.size();
        std::array<char, 4096> bytes{};
        pollfd input{STDIN_FILENO, POLLIN, 0};
        const ssize_t got = ::ppoll(&input, 1, nullptr, &listens) < 0 ? -1 : ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (got > 0) {
            buffer_.append(bytes.data(), static_cast<std::size_t>(got));
        } else if (got == 0) {
            if (buffer_.empty()) return Got::end;
            line = std::exchange(buffer_, {});
            return Got::message;
        } else if (errno == EINTR) {
            buffer_.clear();
            return Got::interrupted;
        } else {
            throw Failure(std::string("standard input: ") + std::strerror(errno));
        }
    }
}

bool MessageReader::more_was_pasted() const {
    if (!terminal_) return false;
    if (!buffer_.empty()) return true;
    pollfd input{STDIN_FILENO, POLLIN, 0};
    return ::poll(&input, 1, paste_pause_ms) == 1 && (input.revents & POLLIN) != 0;
}

}  // namespace cli
