#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cpu/isa.hpp"
#include "panels/int8_panels.hpp"
#include "panels/product.hpp"
#include "panels/quantised_rows.hpp"

namespace rorqual::panels {

#define RQ_PANEL_KERNELS(isa)                                                                                                \
    void product_##isa(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte* scratch); \
    void quantise_##isa(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to);                \
    void transposed_product_##isa(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next, std::byte* scratch);
#include "panels/kernels.inc"
#undef RQ_PANEL_KERNELS

/// The packed products and the quantiser of one instruction set: what a model chooses once, and what tests and benchmarks see.
struct PanelKernels {
    std::string_view name;  ///< "panels_avx512_vnni"
    cpu::Isa isa;
    ProductFn product;
    QuantiseFn quantise;
    TransposedProductFn transposed_product;
};

/// All that were compiled into this library, best first; the last is the portable one, the reference.
[[nodiscard]] std::span<const PanelKernels> all_panel_kernels() noexcept;

struct PanelChoice {
    PanelKernels kernels;
    std::string report;  ///< "panels: panels_avx2; not panels_avx512_vnni: avx2 is forced"
};

/// The best kernels for `features`, up to the instruction set `forced`: "" = best. Errors as ops::choose: invalid_argument for a name
/// nobody knows, unsupported for one that this machine or this build lacks.
[[nodiscard]] PanelChoice choose_panels(const cpu::Features& features, std::string_view forced = {});

}  // namespace rorqual::panels
