#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace rorqual::io {

/// An open file descriptor of the operating system, owned: closed on destruction, never inherited by child processes.
class Descriptor {
 public:
    /// Opens a file for reading; symbolic links are followed. Nothing if there is no such file.
    /// Throws Error(io) with the system's reason otherwise.
    [[nodiscard]] static std::optional<Descriptor> open(const std::filesystem::path& path);

    /// A second descriptor for the same open file; `name` is for errors. Throws Error(invalid_argument) if it is not open.
    [[nodiscard]] static Descriptor duplicate(int descriptor, const std::string& name);

    /// Takes over a descriptor that is open.
    [[nodiscard]] static Descriptor adopt(int number) noexcept { return Descriptor(number); }

    Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
    Descriptor& operator=(Descriptor&&) = delete;
    ~Descriptor();

    [[nodiscard]] int number() const noexcept { return number_; }

 private:
    explicit Descriptor(int number) noexcept : number_(number) {}
    int number_;
};

/// The system's words for an error number: "No such file or directory".
[[nodiscard]] std::string system_reason(int error_number);

}  // namespace rorqual::io
