#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "io/gguf_metadata.hpp"
#include "io/safetensors.hpp"

namespace rorqual::io {

/// A GGUF header, version 2 or 3: metadata, a table of tensors, and data from the next multiple of the alignment on.
/// https://github.com/ggml-org/ggml, docs/gguf.md.
///
/// Reading throws Error(corrupt | unsupported) that names the file and the key or tensor: counts and lengths beyond the file,
/// keys or tensors named twice, unknown value types, tensor types that cannot be read (by their names), shapes that overflow
/// or leave parts of blocks, an alignment that is no power of two, tensors that are misaligned, overlap or lie outside the
/// file, big-endian files, other versions. Everything is checked against the size of the file before memory is taken for it.
/// The header is read once and kept, so that a file that changes later cannot contradict what was checked.
struct Gguf {
    std::uint32_t version = 3;
    std::uint64_t alignment = 32;
    GgufMetadata metadata;
    std::vector<TensorInfo> tensors;  ///< in the order of their data; shapes in PyTorch order (GGUF's reversed)

    /// Reads the header of one file; the tensors share ownership of it.
    [[nodiscard]] static Gguf read_header(std::shared_ptr<const File> file);

    /// Reads the file `name` of the set and, where split.count says so, all the other parts of the split it belongs to:
    /// "NAME-00002-of-00005.gguf". The metadata are those of the first part, the tensors those of all, part by part.
    /// Beyond read_header(): Error(not_found) for a missing file or part, Error(corrupt) for a part of another split: one
    /// whose numbers, tensor count or shared keys differ, or that repeats a tensor.
    [[nodiscard]] static Gguf open(FileSet& files, std::string_view name);
};

}  // namespace rorqual::io
