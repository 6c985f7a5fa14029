#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "quant/half.hpp"
#include "rorqual/model.hpp"

namespace rorqual::layers {

/// Keeps a row in f32 or bf16, rounded to nearest even.
inline void store_row(CacheFormat format, std::span<const float> row, std::byte* to) noexcept {
    if (format != CacheFormat::bf16) {
        std::memcpy(to, row.data(), row.size_bytes());
        return;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto rounded = quant::bf16_from_f32(row[i]);
        std::memcpy(to + 2 * i, &rounded, 2);
    }
}

/// What store_row() kept, as f32.
inline void load_row(CacheFormat format, const std::byte* from, std::span<float> row) noexcept {
    if (format != CacheFormat::bf16) {
        std::memcpy(row.data(), from, row.size_bytes());
        return;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        std::uint16_t rounded;
        std::memcpy(&rounded, from + 2 * i, 2);
        row[i] = quant::f32_from_bf16(rounded);
    }
}

}  // namespace rorqual::layers
