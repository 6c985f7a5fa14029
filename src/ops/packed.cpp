// Products of int8 rows with packed weights: fast mode.
#include <algorithm>

#include "ops/run.hpp"
#include "panels/layout.hpp"

namespace rorqual::ops {
namespace {

constexpr std::int64_t pieces(std::int64_t whole, std::int64_t piece) noexcept { return whole / piece + (whole % piece != 0); }

}  // namespace

panels::QuantisedRows take_room(cpu::Arena& arena, std::int64_t rows, std::int64_t cols) {
    return quantisable(cols) ? panels::QuantisedRows::take(arena, rows, cols) : panels::QuantisedRows{};
}

panels::QuantisedRows quantise(const Run& run, const ConstRows& x, const panels::QuantisedRows& room) {
    const auto to = room.shaped(x.rows, x.cols);
    constexpr std::int64_t at_once = 16;
    if (x.rows == 1) {
        run.kernels.panels.quantise(x, 0, 1, to);
    } else {
        run.parallel_for(pieces(x.rows, at_once), [&](std::int64_t task, std::size_t) {
            run.kernels.panels.quantise(x, task * at_once, std::min(at_once, x.rows - task * at_once), to);
        });
    }
    return to;
}

Input input(const Run& run, const ConstRows& x, const panels::QuantisedRows& room) {
    if (!run.fast || !quantisable(x.cols) || x.rows == 0) return x;
    return {x, quantise(run, x, room)};
}

void packed_matmul(const Worker& worker, const WeightView& w, const panels::QuantisedRows& x, const std::int32_t* ids, const Rows& y) {
    worker.kernels.panels.product(as_panels(w), x, ids, y, worker.scratch.data());
}

void packed_matmul_transposed(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next) {
    worker.kernels.panels.transposed_product(as_panels(w), x, y, next, worker.scratch.data());
}

void packed_matmul(const Run& run, const WeightView& w, const panels::QuantisedRows& x, const Rows& y) {
    constexpr std::int64_t rows = panels::tile_panels * WeightView::panel_rows;  // in one task
    run.parallel_for(pieces(w.rows, rows), [&](std::int64_t task, std::size_t worker) {
        const std::int64_t first = task * rows, count = std::min(rows, w.rows - first);
        packed_matmul(run.at(worker), w.slice_rows(first, count), x, nullptr, y.slice_cols(first, count));
    });
}

}  // namespace rorqual::ops
