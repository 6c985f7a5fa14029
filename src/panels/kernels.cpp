#include "panels/kernels.hpp"

#include <array>

#include "cpu/arena.hpp"

namespace rorqual::panels {
namespace {

constexpr PanelKernels kernels[] = {
#define RQ_PANEL_KERNELS(unit, isa) {"panels_" #unit, cpu::Isa::isa, product_##unit, quantise_##unit},
#include "panels/kernels.inc"
#undef RQ_PANEL_KERNELS
};

}  // namespace

std::span<const PanelKernels> all_panel_kernels() noexcept { return kernels; }

QuantisedRows QuantisedRows::take(cpu::Arena& arena, std::int64_t rows, std::int64_t cols) {
    QuantisedRows to;
    to.rows = rows;
    to.cols = cols;
    to.q = arena.take<std::int8_t>(rows * cols).data();
    to.scale = arena.take<float>(rows * to.supers()).data();
    to.sums = arena.take<std::int16_t>(rows * cols / 16).data();
    return to;
}

}  // namespace rorqual::panels
