#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace cli {

/// How far a conversion is, as a line on standard error that is written over and over; nothing where that is no terminal.
/// While it lives, Ctrl-C stops the conversion instead of ending the program; a second one ends it.
class Progress {
 public:
    Progress();
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// An rq_progress_fn whose `user` is a Progress: shows the state, answers 1 after Ctrl-C.
    static std::int32_t report(std::uint64_t done_bytes, std::uint64_t all_bytes, const char* tensor, std::size_t tensor_len, void* user);

    /// Ctrl-C was pressed.
    [[nodiscard]] static bool interrupted() noexcept;
    /// Since the beginning.
    [[nodiscard]] double seconds() const;

 private:
    void show(std::uint64_t done, std::uint64_t all, std::string_view tensor);
    void clear() const;

    std::chrono::steady_clock::time_point begin_;
    std::chrono::steady_clock::time_point shown_{};
    bool terminal_;
};

}  // namespace cli
