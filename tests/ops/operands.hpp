#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <ostream>
#include <vector>

#include "ops/kernels.hpp"

// Operands for tests of the operations: seeded values, weights in any format at any alignment, rows with a stride.

namespace rorqual::test {

struct Shape {
    std::int64_t t, n, k;  ///< tokens, outputs, inputs
};
inline std::ostream& operator<<(std::ostream& out, const Shape& s) { return out << "T " << s.t << ", N " << s.n << ", K " << s.k; }

/// Values in [-1, 1) that look random and are the same everywhere (SplitMix64).
class Values {
 public:
    explicit Values(std::uint64_t seed) : state_(seed) {}
    float next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
        z = (z ^ z >> 27) * 0x94d049bb133111ebU;
        return static_cast<float>(static_cast<std::int64_t>(z ^ z >> 31) >> 40) * 0x1p-23F;
    }
    std::vector<float> take(std::int64_t count) {
        std::vector<float> values(static_cast<std::size_t>(count));
        for (float& v : values) v = next();
        return values;
    }

 private:
    std::uint64_t state_;
};

/// An IEEE half beside the value (rounded half up; beyond the largest: infinity).
inline std::uint16_t to_half(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = bits >> 16 & 0x8000U;
    const float magnitude = std::bit_cast<float>(bits & 0x7fff'ffffU);
    if (magnitude > 65504) return static_cast<std::uint16_t>(sign | 0x7c00U);
    if (magnitude < 0x1p-14F) return static_cast<std::uint16_t>(sign | static_cast<std::uint32_t>(magnitude * 0x1p24F));
    return static_cast<std::uint16_t>(sign | ((std::bit_cast<std::uint32_t>(magnitude) - (112U << 23) + 0x1000U) >> 13));
}
inline std::uint16_t to_bf16(float value) { return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16); }

/// A weight matrix stored from `shift` bytes behind an aligned address, with bytes after its end that are NaN in every format.
class Weights {
 public:
    Weights(DType format, std::int64_t rows, std::int64_t cols, const std::vector<float>& values, std::size_t shift = 0)
        : format_(format), rows_(rows), cols_(cols), shift_(shift) {
        const auto bytes = static_cast<std::size_t>(block_bytes(format));
        stored_.assign(shift + values.size() * bytes + 64, std::byte{0xff});
        for (std::size_t i = 0; i < values.size(); ++i) {
            std::byte* to = stored_.data() + shift + i * bytes;
            const std::uint16_t half = format == DType::f16 ? to_half(values[i]) : to_bf16(values[i]);
            if (format == DType::f32)
                std::memcpy(to, &values[i], 4);
            else
                std::memcpy(to, &half, 2);
        }
    }
    [[nodiscard]] WeightView view() const { return {format_, stored_.data() + shift_, rows_, cols_}; }

 private:
    DType format_;
    std::int64_t rows_, cols_;
    std::size_t shift_;
    std::vector<std::byte> stored_;
};

/// f32 rows with a gap after each; gaps and the end hold a mark that nobody may overwrite, and that as input would spoil sums.
class Matrix {
 public:
    Matrix(std::int64_t rows, std::int64_t cols, std::int64_t gap = 0) : rows_(rows), cols_(cols), stride_(cols + gap) {
        stored_.assign(static_cast<std::size_t>(rows * stride_ + 16), mark());
    }
    Matrix(std::int64_t rows, std::int64_t cols, std::int64_t gap, Values& values) : Matrix(rows, cols, gap) {
        for (std::int64_t r = 0; r < rows; ++r) {
            for (float& v : view().row(r)) v = values.next();
        }
    }
    [[nodiscard]] Rows view() { return {stored_.data(), rows_, cols_, stride_}; }
    [[nodiscard]] float& at(std::int64_t row, std::int64_t col) { return stored_[static_cast<std::size_t>(row * stride_ + col)]; }

    /// The values without gaps, as bits: equal means equal in every bit, NaN included.
    [[nodiscard]] std::vector<std::uint32_t> bits() {
        std::vector<std::uint32_t> all;
        for (std::int64_t r = 0; r < rows_; ++r) {
            for (const float v : view().row(r)) all.push_back(std::bit_cast<std::uint32_t>(v));
        }
        return all;
    }
    /// Nothing was written between and behind the rows.
    [[nodiscard]] bool gaps_untouched() const {
        for (std::size_t i = 0; i < stored_.size(); ++i) {
            const bool inside = stride_ > 0 && static_cast<std::int64_t>(i) < rows_ * stride_ && static_cast<std::int64_t>(i) % stride_ < cols_;
            if (!inside && std::bit_cast<std::uint32_t>(stored_[i]) != std::bit_cast<std::uint32_t>(mark())) return false;
        }
        return true;
    }

 private:
    static float mark() { return std::bit_cast<float>(0x7fc1'2345U); }  // a NaN
    std::int64_t rows_, cols_, stride_;
    std::vector<float> stored_;
};

/// Kernels of one operation that this machine runs, of every format.
inline std::vector<ops::Kernel> kernels_of(std::string_view op) {
    std::vector<ops::Kernel> found;
    for (const ops::Kernel& kernel : ops::all_kernels()) {
        if (kernel.op == op && cpu::runs_on(kernel.isa, cpu::detect())) found.push_back(kernel);
    }
    return found;
}

/// The same for an operation and a format and instruction set; null fn if there is none.
inline ops::Kernel kernel_of(std::string_view op, DType format, cpu::Isa isa) {
    for (const ops::Kernel& kernel : kernels_of(op)) {
        if (kernel.format == format && kernel.isa == isa) return kernel;
    }
    return {};
}

inline void run_product(const ops::Kernel& kernel, const WeightView& w, const ConstRows& x, const Rows& y) {
    reinterpret_cast<ops::ProductFn>(kernel.fn)(w, x, y);
}

}  // namespace rorqual::test
