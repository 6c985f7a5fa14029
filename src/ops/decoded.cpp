#include "ops/decoded.hpp"

#include <algorithm>

#include "ops/kernels.hpp"
#include "ops/scratch.hpp"
#include "panels/layout.hpp"
#include "panels/product.hpp"
#include "quant/block_scaled.hpp"
#include "quant/decode.hpp"

namespace rorqual::ops {

bool is_plain(DType dtype) noexcept { return static_cast<std::size_t>(dtype) < Kernels::formats; }

std::int64_t decoded_values(const WeightView& w) noexcept { return is_plain(w.dtype) ? 0 : WeightView::panel_rows * w.cols; }

void decode_rows(const WeightView& w, std::int64_t first, std::int64_t count, float* to) {
    const WeightView rows = w.slice_rows(first, count);
    if (w.scales) return quant::decode_scaled(rows, to);
    if (w.packed()) return panels::decode_rows({w.dtype, rows.data, count, w.cols}, 0, count, to);
    quant::decode(w.dtype, {rows.data, static_cast<std::size_t>(rows.bytes())}, {to, static_cast<std::size_t>(count * w.cols)});
}

Scratch Scratch::cut(cpu::Arena& arena, std::int64_t values, std::size_t workers) {
    constexpr std::int64_t line = 64 / sizeof(float);
    Scratch scratch;
    scratch.each = std::max((values + line - 1) / line * 64, panels::scratch_bytes());
    scratch.data = arena.take<std::byte>(scratch.each * static_cast<std::int64_t>(workers)).data();
    return scratch;
}

}  // namespace rorqual::ops
