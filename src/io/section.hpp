#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/file.hpp"

namespace rorqual::io {

/// Bytes [offset, offset + length) of a file as a file of their own, which shares ownership of it. They lie inside it: the caller's duty.
[[nodiscard]] std::shared_ptr<const File> open_section(std::shared_ptr<const File> file, std::uint64_t offset, std::uint64_t length, std::string name);

}  // namespace rorqual::io
