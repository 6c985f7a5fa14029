#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "io/file.hpp"
#include "rorqual/source.hpp"

namespace rorqual::io {

/// A file of `length` bytes behind a callback; never mapped. A callback that returns false or throws is Error(callback).
[[nodiscard]] std::shared_ptr<const File> open_callback_file(Source::ReadAt read, std::uint64_t length, std::string name);

}  // namespace rorqual::io
