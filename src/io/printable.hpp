#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace rorqual::io {

/// Text from a file, made fit for an error line: control characters become \xNN, more than `longest` bytes are
/// cut between characters and end in "…".
[[nodiscard]] std::string printable(std::string_view text, std::size_t longest = 160);

/// The same for paths, which are only as long as the operating system allows.
[[nodiscard]] inline std::string printable_path(std::string_view path) { return printable(path, path.size()); }

}  // namespace rorqual::io
