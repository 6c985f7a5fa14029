#pragma once

#include <string>
#include <string_view>

namespace rorqual::io {

/// Text from a file, made fit for an error line: control characters become \xNN, more than 160 bytes are cut
/// between characters and end in "…".
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace rorqual::io
