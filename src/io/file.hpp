#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual::io {

/// One readable file of known size: mapped, in memory, behind a descriptor or behind a callback.
/// Reading is safe from any thread, except for callback files, which are read by the opening thread only.
class File {
 public:
    virtual ~File() = default;

    /// The name used in errors: a path or the name given by the caller.
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;

    /// All bytes of the file, where they can be had without copying (mapped or caller's memory); empty otherwise.
    /// Valid as long as the File lives. A mapped file must not be shortened meanwhile: its size is taken once, and
    /// touching a page that is gone ends the process (SIGBUS); writers that replace files by renaming are harmless.
    [[nodiscard]] virtual std::span<const std::byte> mapped() const noexcept = 0;

    /// A range that was read through mapped() and will hardly be again: its pages may leave memory. The bytes stay readable. Never fails.
    virtual void release([[maybe_unused]] std::uint64_t offset, [[maybe_unused]] std::uint64_t length) const noexcept {}

    /// Fills `out` from `offset`. Throws Error(corrupt) beyond the end, Error(io) or Error(callback) when reading fails.
    virtual void read(std::uint64_t offset, std::span<std::byte> out) const = 0;
};

/// The whole file as text, at most `limit` bytes (larger: Error(corrupt)).
[[nodiscard]] std::string read_text(const File& file, std::uint64_t limit);

/// Throws Error(corrupt) unless bytes [offset, offset + length) lie inside the file.
void check_range(const File& file, std::uint64_t offset, std::uint64_t length);

/// True if `name` is a single path component: not empty, ".", "..", and without '/', '\\' or NUL. Names found inside
/// files are looked up only if this holds, so that a checkpoint cannot reach beyond its own folder.
[[nodiscard]] bool is_file_name(std::string_view name) noexcept;

/// Throws Error(invalid_argument) if `name` is none.
void check_file_name(std::string_view name);

/// The named files a model is made of: a folder on disk, or what the caller put together.
class FileSet {
 public:
    virtual ~FileSet() = default;

    /// The file of that name (a single path component; anything else is Error(invalid_argument)). Opened once and shared
    /// while anybody holds it. nullptr if there is none. Throws Error(io) if it is there but cannot be opened.
    /// Any thread may call.
    [[nodiscard]] virtual std::shared_ptr<const File> find(std::string_view name) = 0;

    /// The same, but missing is Error(not_found) with `what_for` in the message.
    [[nodiscard]] std::shared_ptr<const File> require(std::string_view name, std::string_view what_for);

    /// How errors call the set: the folder's path, or "source".
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;

    /// The file the caller named, where the source is one file in a folder ("model.safetensors"); empty for a folder.
    [[nodiscard]] virtual const std::string& chosen() const noexcept = 0;

    /// Names of the files that look like GGUF models, ascending: in a folder those that end in ".gguf"; of files the caller
    /// put together also those that begin like one. Throws what reading their first bytes throws.
    [[nodiscard]] virtual std::vector<std::string> gguf_names() = 0;
};

}  // namespace rorqual::io
