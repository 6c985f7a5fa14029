#include "ops/check.hpp"

#include "ops/decoded.hpp"
#include "quant/decode.hpp"

namespace rorqual::ops {
namespace {

[[noreturn]] void refuse(const std::string& line) { throw Error(Status::invalid_argument, line); }

/// rows · cols elements of `bytes` lie within what an address can count.
bool countable(std::int64_t rows, std::int64_t cols, std::int64_t bytes) {
    return cols == 0 || rows <= INT64_MAX / bytes / cols;
}

/// Formats that products have, as they are or decoded.
bool has_products(DType dtype) { return is_plain(dtype) || (quant::can_decode(dtype) && block_length(dtype) > 1); }

}  // namespace

void check_rows(const char* name, const ConstRows& x) {
    const std::string shape = std::string(name) + " [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + "]";
    if (x.rows < 0 || x.cols < 0) refuse(shape + ": sizes are not negative");
    if (x.stride < x.cols) refuse(shape + ": stride " + std::to_string(x.stride) + " is smaller than a row");
    if (!countable(x.rows, x.stride, sizeof(float))) refuse(shape + ": larger than the address space");
    if (!x.data && x.rows > 0 && x.cols > 0) refuse(shape + ": data is null");
}

void check_weight(const char* name, const WeightView& w) {
    if (!has_products(w.dtype) && !w.scales) {
        refuse(std::string(name) + ": expected weights in f32, f16, bf16 or a block format, not dtype " + std::to_string(static_cast<std::int32_t>(w.dtype)));
    }
    const std::string shape = std::string(name) + " [" + std::to_string(w.rows) + ", " + std::to_string(w.cols) + "]";
    if (w.rows < 0 || w.cols < 0) refuse(shape + ": sizes are not negative");
    if (w.cols % block_length(w.dtype) != 0) {
        refuse(shape + ": expected whole blocks of " + std::to_string(block_length(w.dtype)) + " columns in " + std::string(rorqual::name(w.dtype)));
    }
    if (w.packed()) refuse(shape + ": packed weights are the engine's own");
    if (!countable(w.rows, w.cols, sizeof(float))) refuse(shape + ": larger than the address space");
    if (!w.data && w.rows > 0 && w.cols > 0) refuse(shape + ": data is null");
}

void check_size(const char* what, std::int64_t is, std::int64_t expected) {
    if (is != expected) refuse(std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(is));
}

}  // namespace rorqual::ops
