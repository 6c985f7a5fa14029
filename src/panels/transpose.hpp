#pragma once

// A matrix in format i8, transposed: one source, compiled for each instruction set. For kernel units only.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "panels/formats.hpp"
#include "panels/int8_panels.hpp"

namespace rorqual::panels {
namespace {

using Bytes16 = std::uint8_t __attribute__((vector_size(16)));

/// Four rows of four bytes, as columns.
[[gnu::always_inline]] inline void transpose_quads(const std::byte* from, std::byte* to) {
    Bytes16 v;
    std::memcpy(&v, from, sizeof v);
    v = __builtin_shufflevector(v, v, 0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
    std::memcpy(to, &v, sizeof v);
}

/// 16 × 16 codes: four lines of quads of w become four lines of quads of the result.
[[gnu::always_inline]] inline void transpose_lines(const std::byte* from, std::byte* to) {
    for (int quad = 0; quad < 4; ++quad) {
        for (int line = 0; line < 4; ++line) transpose_quads(from + quad * line_bytes + 16 * line, to + line * line_bytes + 16 * quad);
    }
}

[[maybe_unused]] void transpose_panels(const Panels& w, std::int64_t super, std::byte* to) {
    constexpr const PanelFormat& format = *panel_format(DType::i8);
    constexpr std::int64_t header = format.header_bytes(8);
    static_assert(format.code_bytes() == quads * line_bytes, "lines of quads follow one another through a super-block");
    constexpr float one = 1;
    const std::int64_t cols = std::min(super_k, w.cols - super * super_k), count = transposed_cols(w.rows), panel = panel_bytes(DType::i8, count);
    const std::int64_t source_panel = w.panel_bytes(), source_panels = w.count();
    for (std::int64_t n = 0; n < cols; n += panel_rows, to += panel) {  // 16 rows of the result are four quads of w
        for (std::int64_t r = 0; r < panel_rows; ++r) std::memcpy(to + 4 * r, &one, sizeof one);
        for (std::int64_t p = 0; p < count / panel_rows; ++p) {  // 16 columns of it are a panel of w
            std::byte* const lines = to + header + 4 * p * line_bytes;
            if (p < source_panels) {
                transpose_lines(w.data + p * source_panel + super * format.super_bytes(8) + header + n / 4 * line_bytes, lines);
            } else {
                std::memset(lines, 0x80, 4 * line_bytes);
            }
        }
    }
}

}  // namespace
}  // namespace rorqual::panels
