#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "io/file.hpp"

namespace rorqual::io {

/// Caller's memory as a file: borrowed, counts as mapped.
[[nodiscard]] std::shared_ptr<const File> open_memory_file(std::span<const std::byte> bytes, std::string name);

}  // namespace rorqual::io
