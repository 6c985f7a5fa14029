#include "ops/check.hpp"
#include "ops/decoded.hpp"
#include "ops/weight_formats.hpp"
#include "rorqual/ops.hpp"

namespace rorqual::ops {
namespace {

template <class Format>
void rows_of(const WeightView& table, std::span<const Token> ids, const Rows& y) {
    for (std::size_t t = 0; t < ids.size(); ++t) {
        const std::byte* row = table.data + ids[t] * table.row_bytes();
        float* out = y.data + static_cast<std::int64_t>(t) * y.stride;
        for (std::int64_t i = 0; i < table.cols; ++i) out[i] = Format::load(row + i * Format::bytes);
    }
}

}  // namespace

void embedding(WeightView table, std::span<const Token> ids, Rows y) {
    check_weight("table", table);
    check_rows("y", y);
    check_size("y: rows", y.rows, static_cast<std::int64_t>(ids.size()));
    check_size("y: columns", y.cols, table.cols);
    for (std::size_t t = 0; t < ids.size(); ++t) {  // all before any: a refused call has written nothing
        if (ids[t] < 0 || ids[t] >= table.rows) {
            throw Error(Status::invalid_argument, "ids[" + std::to_string(t) + "]: " + std::to_string(ids[t]) + ", expected 0 to " +
                                                      std::to_string(table.rows - 1));
        }
    }
    if (table.dtype == DType::f32) return rows_of<F32>(table, ids, y);
    if (table.dtype == DType::f16) return rows_of<F16>(table, ids, y);
    if (table.dtype == DType::bf16) return rows_of<Bf16>(table, ids, y);
    for (std::size_t t = 0; t < ids.size(); ++t) decode_rows(table, ids[t], 1, y.data + static_cast<std::int64_t>(t) * y.stride);
}

}  // namespace rorqual::ops
