#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "convert/write_tensors.hpp"
#include "io/safetensors.hpp"
#include "quant/block_scaled.hpp"

namespace rorqual::convert {

/// Rows [first_row, first_row + rows) of a matrix in a file, as they are or transposed. A vector is one row.
struct StoredPart {
    const io::TensorInfo* from = nullptr;  ///< borrowed
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    bool transposed = false;
    std::shared_ptr<const BlockScales> scales{};  ///< of a matrix in f8_e4m3
};

/// Rows of tensors to be written, made of stored ones: decoded, put together and encoded; copied where nothing changes.
class StoredRows {
 public:
    /// parts[i]: what tensors[i] is made of, one behind the other, all of one size. Borrows the tensors.
    StoredRows(const std::vector<OutTensor>& tensors, std::vector<std::vector<StoredPart>> parts);

    /// Fills `out` with rows [first_row, first_row + rows) of tensors[index]; of a tensor of transposed parts, with those of one part.
    /// Any thread, if all files can be read by any. Throws Error(corrupt) naming file and tensor for values that the format cannot
    /// store, and what reading throws.
    void make(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const;

 private:
    const std::vector<OutTensor>& tensors_;
    std::vector<std::vector<StoredPart>> parts_;
};

}  // namespace rorqual::convert
