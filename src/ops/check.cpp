#include "ops/check.hpp"

#include "ops/kernels.hpp"

namespace rorqual::ops {
namespace {

[[noreturn]] void refuse(const std::string& line) { throw Error(Status::invalid_argument, line); }

/// rows · cols elements of `bytes` lie within what an address can count.
bool countable(std::int64_t rows, std::int64_t cols, std::int64_t bytes) {
    return cols == 0 || rows <= INT64_MAX / bytes / cols;
}

}  // namespace

void check_rows(const char* name, const ConstRows& x) {
    const std::string shape = std::string(name) + " [" + std::to_string(x.rows) + ", " + std::to_string(x.cols) + "]";
    if (x.rows < 0 || x.cols < 0) refuse(shape + ": sizes are not negative");
    if (x.stride < x.cols) refuse(shape + ": stride " + std::to_string(x.stride) + " is smaller than a row");
    if (!countable(x.rows, x.stride, sizeof(float))) refuse(shape + ": larger than the address space");
    if (!x.data && x.rows > 0 && x.cols > 0) refuse(shape + ": data is null");
}

void check_weight(const char* name, const WeightView& w) {
    const auto format = static_cast<std::uint32_t>(w.dtype);
    if (format >= Kernels::formats) refuse(std::string(name) + ": expected weights in f32, f16 or bf16, not dtype " + std::to_string(format));
    const std::string shape = std::string(name) + " [" + std::to_string(w.rows) + ", " + std::to_string(w.cols) + "]";
    if (w.rows < 0 || w.cols < 0) refuse(shape + ": sizes are not negative");
    if (!countable(w.rows, w.cols, sizeof(float))) refuse(shape + ": larger than the address space");
    if (!w.data && w.rows > 0 && w.cols > 0) refuse(shape + ": data is null");
}

void check_size(const char* what, std::int64_t is, std::int64_t expected) {
    if (is != expected) refuse(std::string(what) + ": expected " + std::to_string(expected) + ", got " + std::to_string(is));
}

}  // namespace rorqual::ops
