#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "cpu/workers.hpp"
#include "io/gguf_writer.hpp"
#include "rorqual/convert.hpp"
#include "rorqual/dtype.hpp"

namespace rorqual::convert {

/// A tensor to be written, as rows of `cols` values.
struct OutTensor {
    std::string name;
    DType dtype = DType::f32;
    std::vector<std::int64_t> shape;  ///< PyTorch order
    std::int64_t unit_rows = 1;       ///< made together, at most: the unit of work
    std::int64_t integers_below = 0;  ///< of a table of integers: what they are less than

    [[nodiscard]] std::int64_t cols() const noexcept { return shape.empty() ? 1 : shape.back(); }
    [[nodiscard]] std::int64_t rows() const noexcept;
    [[nodiscard]] std::int64_t row_bytes() const noexcept { return cols() / block_length(dtype) * block_bytes(dtype); }
};

/// How many rows make about a megabyte of f32.
[[nodiscard]] std::int64_t usual_unit_rows(std::int64_t cols) noexcept;

/// Fills `out` with rows [first_row, first_row + rows) of tensor `index` as stored. Any worker, several at once. May throw.
using MakeRows = std::function<void(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out)>;

/// Makes the tensors unit by unit on all workers and writes them in order, a few units ahead at most. `progress` may be empty.
/// Throws what `make` throws first, in the order of the file; Error(callback) where `progress` says stop.
void write_tensors(io::GgufWriter& file, const std::vector<OutTensor>& tensors, const MakeRows& make, cpu::Workers& workers,
                   const ConvertProgress& progress);

}  // namespace rorqual::convert
