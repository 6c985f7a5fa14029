#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "rorqual/dtype.hpp"

namespace rorqual::io {

/// One tensor of a container: what its header says, checked against the file.
struct TensorInfo {
    std::string name;
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;  ///< PyTorch order, [out, in]; empty = a scalar
    std::uint64_t offset = 0;         ///< of the first byte, from the start of the file; any alignment
    std::uint64_t bytes = 0;          ///< product of shape × dtype: already checked to lie inside the file
    std::shared_ptr<const File> file;
    bool packed = false;  ///< a matrix in panels (panels/layout.hpp), as packed files hold them; `bytes` are those of the panels
};

/// The files that hold a published checkpoint's weights: one, or an index that names shards.
constexpr const char* safetensors_name = "model.safetensors";
constexpr const char* safetensors_index_name = "model.safetensors.index.json";

/// A safetensors header: u64 little-endian length, JSON, then data. https://github.com/huggingface/safetensors, "Format".
/// Reading throws Error(corrupt | unsupported) that names the file and the tensor: lengths beyond the file, offsets that
/// overlap, leave holes or run backwards, sizes that contradict dtype × shape, unknown dtypes, duplicate names, bad JSON.
struct Safetensors {
    std::vector<TensorInfo> tensors;              ///< in the order of their data
    std::map<std::string, std::string> metadata;  ///< __metadata__

    /// Reads the header only; the tensors share ownership of `file`.
    [[nodiscard]] static Safetensors read_header(std::shared_ptr<const File> file);
};

/// The dtype's name in a header. Throws Error(unsupported) for block formats, which have none.
[[nodiscard]] std::string_view safetensors_dtype(DType dtype);

/// A shape as it stands in messages: "[96, 64]".
[[nodiscard]] std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace rorqual::io
