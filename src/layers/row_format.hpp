#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rorqual/model.hpp"

namespace rorqual::layers {

/// How rows of one width lie in a cache, each by itself: keys and entries of shared key-value attention, and index keys. A row is rounded once,
/// when it is stored; whoever loads it gets the same values each time.
class RowFormat {
 public:
    /// Keys, whose last `rope` values are rotated. Compact: the others in E4M3, 64 to a scale, then the scales, filled up to a multiple of 8
    /// bytes, then the rotated ones in bf16. 584 bytes for DeepSeek-V4. Reference: DeepSeek-V4 inference/model.py, Attention.
    [[nodiscard]] static RowFormat of_keys(CacheFormat format, std::int64_t width, std::int64_t rope) noexcept;
    /// Index keys. Compact: in FP4, 32 to a scale, then the scales; 68 bytes for DeepSeek-V4. `width` is then even.
    [[nodiscard]] static RowFormat of_index_keys(CacheFormat format, std::int64_t width) noexcept;

    [[nodiscard]] std::int64_t bytes() const noexcept;
    void store(std::span<const float> row, std::byte* to) const noexcept;
    void load(const std::byte* from, std::span<float> row) const noexcept;

    /// The rows lie as f32, side by side.
    [[nodiscard]] bool is_f32() const noexcept { return values_ == Values::f32; }
    /// The rows are index keys in FP4, which are to be stored after a Hadamard transform: it spreads what is large over all of a key, so that
    /// four bits lose little. Queries then need the same.
    [[nodiscard]] bool transformed() const noexcept { return values_ == Values::fp4; }

 private:
    enum class Values { f32,
                        bf16,
                        fp8,  // and bf16 behind
                        fp4 };
    RowFormat(Values values, std::int64_t width, std::int64_t rope) noexcept : values_(values), width_(width), rope_(rope) {}

    [[nodiscard]] std::int64_t scaled() const noexcept { return width_ - rope_; }
    [[nodiscard]] std::int64_t rope_at() const noexcept;

    Values values_;
    std::int64_t width_;
    std::int64_t rope_;  // of fp8, else 0
};

}  // namespace rorqual::layers
