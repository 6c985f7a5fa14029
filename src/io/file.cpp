#include "io/file.hpp"

#include "io/printable.hpp"
#include "rorqual/error.hpp"

namespace rorqual::io {

std::string read_text(const File& file, std::uint64_t limit) {
    if (file.size() > limit) {
        throw Error(Status::corrupt, file.name() + ": " + std::to_string(file.size()) + " bytes, expected at most " +
                                         std::to_string(limit));
    }
    std::string text(static_cast<std::size_t>(file.size()), '\0');
    file.read(0, std::as_writable_bytes(std::span(text)));
    return text;
}

void check_range(const File& file, std::uint64_t offset, std::uint64_t length) {
    if (offset > file.size() || length > file.size() - offset) {
        throw Error(Status::corrupt, file.name() + ": " + std::to_string(length) + " bytes expected at byte " +
                                         std::to_string(offset) + ", but the file ends at byte " +
                                         std::to_string(file.size()));
    }
}

bool is_file_name(std::string_view name) noexcept {
    constexpr std::string_view forbidden("/\\\0", 3);
    return !name.empty() && name != "." && name != ".." && name.find_first_of(forbidden) == std::string_view::npos;
}

void check_file_name(std::string_view name) {
    if (!is_file_name(name)) {
        throw Error(Status::invalid_argument,
                    "file name \"" + printable(name) + "\": expected a single path component without separators");
    }
}

std::shared_ptr<const File> FileSet::require(std::string_view file_name, std::string_view what_for) {
    auto file = find(file_name);
    if (!file) {
        throw Error(Status::not_found, name() + ": " + printable(file_name) + " is missing, needed for " + std::string(what_for));
    }
    return file;
}

}  // namespace rorqual::io
