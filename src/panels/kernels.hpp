#pragma once

#include <span>
#include <string_view>

#include "cpu/isa.hpp"
#include "panels/product.hpp"
#include "panels/quantised_rows.hpp"

namespace rorqual::panels {

#define RQ_PANEL_KERNELS(unit, isa)                                                                                           \
    void product_##unit(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch); \
    void quantise_##unit(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to);
#include "panels/kernels.inc"
#undef RQ_PANEL_KERNELS

/// The packed product and the quantiser of one instruction set: what a model chooses once, and what tests and benchmarks see.
struct PanelKernels {
    std::string_view name;  ///< "panels_avx512_vnni"
    cpu::Isa isa;
    ProductFn product;
    QuantiseFn quantise;
};

/// All that were compiled into this library, best first; the reference is the last.
[[nodiscard]] std::span<const PanelKernels> all_panel_kernels() noexcept;

}  // namespace rorqual::panels
