#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace rorqual {

namespace io {
class FileSet;
}

/// Where a model comes from: a path, or named files that lie behind descriptors, in memory, or behind callbacks.
///
///     Source a = Source::path("models/v2-lite");                       // a checkpoint folder, or one file in it
///     Source g = Source::path("v2-lite-q4_k_m-00001-of-00002.gguf");   // a GGUF model, or a folder that holds only one
///     Source b = Source::files();                                      // the same folder without a file system
///     b.add_memory("config.json", config_bytes);
///     b.add_descriptor("model.safetensors", fd, offset, length);
///
/// A cheap value: copies share the same files. Not to be changed while another thread opens from it. The add_ functions
/// throw Error(invalid_argument) for a source that was made from a path.
class Source {
 public:
    /// A checkpoint folder, or one file of it: its neighbours are then found beside it. UTF-8. Nothing is opened yet.
    /// A file that begins as GGUF is such a model, of a split any part; a folder is one if it has no model.safetensors (nor its
    /// index) and the .gguf files in it are one model's.
    /// Only regular files are ever opened (symbolic links are followed); a path that leads nowhere is reported when a
    /// model is opened. Mapped files must not be shortened while a model uses them: touching a page that is gone ends the
    /// process (SIGBUS). Replacing a file by renaming another over it is harmless.
    /// Throws Error(invalid_argument) for an empty path.
    [[nodiscard]] static Source path(std::filesystem::path path);

    /// An empty set of named files, to be filled by the add_ functions. Names are single path components
    /// ("config.json"); a name given twice, empty, or with a separator throws Error(invalid_argument).
    [[nodiscard]] static Source files();

    /// Bytes [offset, offset + length) of an open descriptor are the file `name`. The descriptor is duplicated: the
    /// caller may close its own at once. length 0 = to the end. Mapped where the descriptor allows, read otherwise.
    /// Throws Error(io) for what is no regular file (pipes, sockets, devices, folders), Error(invalid_argument) if it is
    /// not open for reading or the range lies beyond its end.
    Source& add_descriptor(std::string_view name, int descriptor, std::uint64_t offset = 0, std::uint64_t length = 0);

    /// Caller's memory is the file `name`: borrowed, must stay unchanged while the source or any model opened from it lives.
    Source& add_memory(std::string_view name, std::span<const std::byte> bytes);

    /// Reads exactly `out.size()` bytes at `offset` into `out`; false = could not, which opening reports as
    /// Error(callback), as it does for whatever else it throws. Called from the opening thread only.
    using ReadAt = std::function<bool(std::uint64_t offset, std::span<std::byte> out)>;

    /// A file of `length` bytes behind a callback. Weights behind callbacks are copied into memory when the model opens.
    Source& add_callback(std::string_view name, std::uint64_t length, ReadAt read);

    /// For the library's own layers: the files behind this source.
    [[nodiscard]] const std::shared_ptr<io::FileSet>& file_set() const noexcept { return files_; }

 private:
    explicit Source(std::shared_ptr<io::FileSet> files) : files_(std::move(files)) {}
    std::shared_ptr<io::FileSet> files_;
};

}  // namespace rorqual
