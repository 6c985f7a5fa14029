#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace cli {

/// Writes to standard output and pushes it through at once, so that a story appears as it is written. A reader that went away
/// ends the program quietly (Quiet); a full disk is a Failure.
void print(std::string_view text);

/// Standard output was closed by its reader: nothing more to do, and nothing to complain about.
struct Quiet {};

/// All of standard input. Failure if it cannot be read.
[[nodiscard]] std::string read_input();

/// All of a file. Failure that names it.
[[nodiscard]] std::string read_file(const std::string& path);

/// "17.6 MB": bytes for people, in powers of ten.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

/// A line of a report as printf would write it, up to 255 bytes.
[[nodiscard]] std::string line(const char* format, auto... values) {
    char text[256];
    std::snprintf(text, sizeof text, format, values...);
    return text;
}

/// A file that appears under its name only when it is whole: written beside it, renamed by commit(), removed otherwise.
class WholeFile {
 public:
    explicit WholeFile(std::string path);
    ~WholeFile();
    WholeFile(const WholeFile&) = delete;
    WholeFile& operator=(const WholeFile&) = delete;
    void write(const void* data, std::size_t size);
    void commit();

 private:
    [[noreturn]] void fail(const char* what) const;
    std::string path_, temporary_;
    void* file_;
};

}  // namespace cli
