#pragma once

#include <filesystem>

#include "rorqual/source.hpp"
#include "session/timeline.hpp"

namespace rorqual::session {

/// A timeline as a safetensors file: tokens, what each layer remembers, the last logits, and in the metadata what it belongs to. Its last
/// tensor is the XXH3-128 of all before it, header included.
void save(const Timeline& timeline, const std::filesystem::path& path);

/// All or nothing: makes `timeline` the saved one. Errors as Session::load tells.
void load(Timeline& timeline, const Source& source);

}  // namespace rorqual::session
