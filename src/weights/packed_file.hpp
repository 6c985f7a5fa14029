#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/file.hpp"
#include "io/safetensors_writer.hpp"
#include "rorqual/tensor.hpp"
#include "weights/tensor_layout.hpp"

namespace rorqual::weights {

/// A model with its weights as the engine computes with them, in one file that is mapped and used where it lies: a safetensors file
/// whose __metadata__ say "rorqual packed 1" and the model's identity. Its tensors are
///
///   model.norm.weight                                  a tensor in a plain number type, under its published name
///   model.layers.0.mlp.up_proj.weight|panels|q4_k|1408x2048   a matrix in panels (panels/layout.hpp), as u8 [panels, bytes of one]
///   model.layers.3.mlp.experts.0-63.up_proj.weight|panels|q4_k|1408x2048   64 such matrices, one behind the other
///   model.embed_tokens.weight|rows|q4_k|102400x2048    a matrix whose rows are whole blocks, as u8 [rows, bytes of one]
///   file|tokenizer.json                                a file of the model, as u8 [bytes]
///
/// Panels come first, so that they are aligned. The layout of panels is part of the format: if it changes, so does the number.
struct PackedFile {
    StoredTensors tensors;               ///< by published names, with the dtypes and shapes that they stand for
    std::shared_ptr<io::FileSet> files;  ///< what else belongs to the model
    std::string identity;

    /// Reads the header. Throws Error(corrupt | unsupported) naming the file and the tensor.
    [[nodiscard]] static PackedFile read(const std::shared_ptr<const io::File>& file);
};

/// The file of the set that is a packed model, by its first bytes: the chosen one, or else model.safetensors. nullptr for any other set.
[[nodiscard]] std::shared_ptr<const io::File> find_packed_file(io::FileSet& files);

/// The __metadata__ of a packed file.
[[nodiscard]] std::map<std::string, std::string> packed_metadata(const std::string& identity);

/// How a packed file holds `count` matrices of the same form under one name, and one of the model's files.
[[nodiscard]] io::SafetensorsWriter::Tensor packed_entry(const std::string& name, const WeightView& matrix, std::int64_t count = 1);
[[nodiscard]] io::SafetensorsWriter::Tensor packed_file_entry(const std::string& name, std::uint64_t bytes);

}  // namespace rorqual::weights
