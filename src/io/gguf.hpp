#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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

constexpr std::string_view gguf_suffix = ".gguf";

/// Whether the first four bytes are "GGUF".
[[nodiscard]] bool begins_as_gguf(const File& file);

/// The name under which the first part of a split would lie beside the part `name`; `name` itself where it is none.
[[nodiscard]] std::string first_part_name(std::string_view name);

/// Which file of a set Gguf::open() is to be given, where the set is a GGUF model: the chosen file if it is one by name or
/// by its first bytes; else, in a set without model.safetensors and its index, the one model whose files are there. Nothing
/// for any other set. Throws Error(invalid_argument) where there are several models.
[[nodiscard]] std::optional<std::string> find_gguf(FileSet& files);

}  // namespace rorqual::io
