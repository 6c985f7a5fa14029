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
    const io::TensorInfo* fp4_scales = nullptr;   ///< of a matrix in pairs of fp4; borrowed

    /// Values in a stored row; a stored row counts as a matrix's.
    [[nodiscard]] std::int64_t cols() const noexcept;
    /// What its rows are, once pairs of fp4 are blocks of MXFP4, which hold the same.
    [[nodiscard]] DType dtype() const noexcept { return fp4_scales != nullptr ? DType::mxfp4 : from->dtype; }
};

/// Rows of tensors to be written, made of stored ones: decoded, put together and encoded; copied where nothing changes. Tables of integers
/// become i32.
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
