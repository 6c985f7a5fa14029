#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual::test {

/// What a program said and how it ended.
struct Ran {
    int status = -1;  ///< exit code; -1: ended by a signal
    std::string out;
    std::string err;
};

/// A program that runs beside the test.
class Program {
 public:
    /// Starts `command` (path, arguments); its standard input is `input`, which must be short enough for a pipe to hold.
    explicit Program(const std::vector<std::string>& command, std::string_view input = "");
    ~Program();
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;

    /// Waits until it has written so many bytes to standard output, or ended.
    void wait_for_output(std::size_t bytes);
    /// Nobody reads its standard output any more.
    void close_output();
    void signal(int number) const;
    /// Reads to the end.
    Ran wait();

 private:
    /// Reads what there is; false at the end of both pipes.
    bool read_some();

    pid_t process_ = -1;
    int out_ = -1, err_ = -1;
    Ran ran_;
};

/// The rorqual program, to its end.
Ran rorqual_program(std::vector<std::string> arguments, std::string_view input = "");

inline const std::filesystem::path tale = std::filesystem::path(RQ_SOURCE_DIR) / "examples/models/tale";
inline const std::filesystem::path bundled_checkpoints = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/checkpoints";

/// The number of lines, the last of which must be ended.
std::size_t lines_of(std::string_view text);

}  // namespace rorqual::test
