#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/descriptor.hpp"
#include "io/file.hpp"

namespace rorqual::io {

/// Bytes [offset, offset + length) of a regular file; length 0 = to its end. Mapped where the system allows, so that
/// pages are read when they are touched and are shared between processes; otherwise read by position.
/// Throws Error(io) for what is no regular file (folder, pipe, socket, device), Error(invalid_argument) for descriptors
/// that are not open for reading and for ranges beyond the end.
[[nodiscard]] std::shared_ptr<const File> open_regular_file(Descriptor descriptor, std::string name,
                                                            std::uint64_t offset = 0, std::uint64_t length = 0);

/// The same bytes, never mapped: what open_regular_file falls back to.
[[nodiscard]] std::shared_ptr<const File> open_unmapped_file(Descriptor descriptor, std::string name,
                                                             std::uint64_t offset = 0, std::uint64_t length = 0);

}  // namespace rorqual::io
