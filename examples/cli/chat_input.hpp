#pragma once

#include <csignal>
#include <string>

namespace cli {

/// Messages from standard input: a line each, or several where each but the last ends in a backslash. On a terminal, which edits the line,
/// lines that arrive together were pasted and are one message. While it lives, Ctrl-C interrupts reading instead of ending the program.
class MessageReader {
 public:
    explicit MessageReader(bool terminal);
    ~MessageReader();
    MessageReader(const MessageReader&) = delete;
    MessageReader& operator=(const MessageReader&) = delete;

    enum class Got { message,
                     end,
                     interrupted };
    Got read(std::string& message);

 private:
    Got read_line(std::string& line, const sigset_t& listens);
    [[nodiscard]] bool more_was_pasted() const;

    bool terminal_;
    std::string buffer_;  // read and not given out
    struct sigaction before_ {};
};

}  // namespace cli
