#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "io/descriptor.hpp"

namespace rorqual::io {

/// A file that appears under its name only when it is whole: written as "NAME.partial" in the same folder, renamed by
/// commit(). Whatever ends the process before leaves the old file, or none, and a partial one that the next NewFile of that
/// name starts over. Not thread-safe.
class NewFile {
 public:
    /// Throws Error(io) if the partial file cannot be made or another process is writing it.
    explicit NewFile(std::filesystem::path path);
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    /// Removes the partial file unless it was committed.
    ~NewFile();

    /// Appends. Throws Error(io) with the system's reason: a full disk, a limit, a broken medium.
    void write(std::span<const std::byte> bytes);

    /// Bytes written so far.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    /// How errors call the file: its path.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    /// Waits until the bytes are on the medium and gives the file its name, replacing what had it. Nothing may be called
    /// after. Throws Error(io).
    void commit();

 private:
    [[noreturn]] void fail(const char* what, int reason) const;

    std::filesystem::path path_;
    std::filesystem::path partial_;
    std::string name_;
    Descriptor descriptor_;
    std::uint64_t size_ = 0;
    bool committed_ = false;
};

}  // namespace rorqual::io
