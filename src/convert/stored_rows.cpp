#include "convert/stored_rows.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "io/file.hpp"
#include "io/printable.hpp"
#include "quant/decode.hpp"
#include "quant/encode.hpp"
#include "quant/fp4_pairs.hpp"
#include "rorqual/error.hpp"

namespace rorqual::convert {
namespace {

std::int64_t cols_of(const io::TensorInfo& tensor) { return tensor.shape.empty() ? 1 : tensor.shape.back(); }

std::size_t row_bytes(const io::TensorInfo& tensor) {
    return static_cast<std::size_t>(cols_of(tensor) / block_length(tensor.dtype) * block_bytes(tensor.dtype));
}

// Rows of a stored tensor, in place where the file is mapped.
class RowBytes {
 public:
    RowBytes(const io::TensorInfo& tensor, std::int64_t first_row, std::int64_t rows) {
        const auto size = static_cast<std::size_t>(rows) * row_bytes(tensor);
        const auto offset = tensor.offset + static_cast<std::uint64_t>(first_row) * row_bytes(tensor);
        const auto mapped = tensor.file->mapped();
        if (mapped.empty()) {
            copied_.resize(size);
            tensor.file->read(offset, copied_);
            bytes_ = copied_;
        } else {
            bytes_ = mapped.subspan(static_cast<std::size_t>(offset), size);
        }
    }
    RowBytes(const RowBytes&) = delete;
    RowBytes& operator=(const RowBytes&) = delete;
    [[nodiscard]] std::span<const std::byte> get() const noexcept { return bytes_; }

 private:
    std::vector<std::byte> copied_;
    std::span<const std::byte> bytes_;
};

// Rows of the part's tensor in dtype().
void copy(const StoredPart& part, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) {
    const RowBytes stored(*part.from, first_row, rows);
    if (part.fp4_scales != nullptr) {
        const RowBytes scales(*part.fp4_scales, first_row, rows);
        quant::mxfp4_from_pairs(stored.get(), scales.get(), out);
    } else {
        std::ranges::copy(stored.get(), out.begin());
    }
}

// The values of rows of the part's tensor.
void decode(const StoredPart& part, std::int64_t first_row, std::int64_t rows, std::span<float> values) {
    if (part.fp4_scales != nullptr) {
        std::vector<std::byte> blocks(values.size() / static_cast<std::size_t>(block_length(DType::mxfp4)) * static_cast<std::size_t>(block_bytes(DType::mxfp4)));
        copy(part, first_row, rows, blocks);
        return quant::decode(DType::mxfp4, blocks, values);
    }
    const RowBytes stored(*part.from, first_row, rows);
    if (part.scales) return quant::decode_scaled(*part.scales, first_row, cols_of(*part.from), stored.get(), values);
    quant::decode(part.from->dtype, stored.get(), values);
}

// Integers of 64 bits as some of 32.
void narrow(const StoredPart& part, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) {
    const RowBytes stored(*part.from, first_row, rows);
    for (std::size_t i = 0; i < stored.get().size() / sizeof(std::int64_t); ++i) {
        std::int64_t value = 0;
        std::memcpy(&value, stored.get().data() + i * sizeof value, sizeof value);
        if (!std::in_range<std::int32_t>(value)) {
            throw Error(Status::corrupt, part.from->file->name() + ": " + io::printable(part.from->name) + ": " + std::to_string(value) + " needs more than 32 bits");
        }
        const auto small = static_cast<std::int32_t>(value);
        std::memcpy(out.data() + i * sizeof small, &small, sizeof small);
    }
}

void transposed_values(const StoredPart& part, std::span<float> out) {
    const auto cols = static_cast<std::size_t>(part.cols()), rows = static_cast<std::size_t>(part.rows);
    std::vector<float> values(rows * cols);
    decode(part, part.first_row, part.rows, values);
    for (std::size_t row = 0; row < rows; ++row) {
        for (std::size_t col = 0; col < cols; ++col) out[col * rows + row] = values[row * cols + col];
    }
}

}  // namespace

std::int64_t StoredPart::cols() const noexcept { return fp4_scales != nullptr ? cols_of(*from) * 2 : cols_of(*from); }

StoredRows::StoredRows(const std::vector<OutTensor>& tensors, std::vector<std::vector<StoredPart>> parts)
    : tensors_(tensors), parts_(std::move(parts)) {}

void StoredRows::make(std::size_t index, std::int64_t first_row, std::int64_t rows, std::span<std::byte> out) const {
    const OutTensor& tensor = tensors_[index];
    const auto& parts = parts_[index];
    const auto rows_of_part = tensor.rows() / std::ssize(parts);
    const auto cols = static_cast<std::size_t>(tensor.cols());
    std::vector<float> values;  // where something changes
    for (std::int64_t row = first_row; row < first_row + rows;) {
        const StoredPart& part = parts[static_cast<std::size_t>(row / rows_of_part)];
        const auto inside = row % rows_of_part;
        const auto count = std::min(rows_of_part - inside, first_row + rows - row);
        const auto done = static_cast<std::size_t>(row - first_row);
        const auto piece = out.subspan(done * static_cast<std::size_t>(tensor.row_bytes()), static_cast<std::size_t>(count * tensor.row_bytes()));
        row += count;
        if (part.dtype() == tensor.dtype && !part.transposed) {
            copy(part, part.first_row + inside, count, piece);
            continue;
        }
        if (part.dtype() == DType::i64 && tensor.dtype == DType::i32) {
            narrow(part, part.first_row + inside, count, piece);
            continue;
        }
        values.resize(static_cast<std::size_t>(count) * cols);
        if (part.transposed) {
            transposed_values(part, values);
        } else {
            decode(part, part.first_row + inside, count, values);
        }
        try {
            quant::encode(tensor.dtype, values, piece);
        } catch (const Error& error) {
            throw Error(Status::corrupt, part.from->file->name() + ": " + io::printable(part.from->name) + ": from row " +
                                             std::to_string(part.first_row + inside) + " on: " + error.what());
        }
    }
}

}  // namespace rorqual::convert
