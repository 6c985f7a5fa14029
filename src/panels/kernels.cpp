#include "panels/kernels.hpp"

#include <array>
#include <optional>

#include "rorqual/error.hpp"

// rq_isa_sources defines RQ_COMPILED_<isa> as 1 where the processor family and the compiler have the instruction set.
#ifndef RQ_COMPILED_avx2
#define RQ_COMPILED_avx2 0
#endif
#ifndef RQ_COMPILED_arm_dotprod
#define RQ_COMPILED_arm_dotprod 0
#endif
#ifndef RQ_COMPILED_avx_vnni
#define RQ_COMPILED_avx_vnni 0
#endif
#ifndef RQ_COMPILED_avx512_vnni
#define RQ_COMPILED_avx512_vnni 0
#endif

namespace rorqual::panels {
namespace {

// The address of a function, or null where it was not compiled.
#define RQ_ADDRESS_0(function) nullptr
#define RQ_ADDRESS_1(function) &function
#define RQ_ADDRESS(compiled, function) RQ_ADDRESS_IF(compiled, function)
#define RQ_ADDRESS_IF(compiled, function) RQ_ADDRESS_##compiled(function)

constexpr std::array candidates = {
#define RQ_PANEL_KERNELS(isa)                                                                 \
    PanelKernels{"panels_" #isa, cpu::Isa::isa, RQ_ADDRESS(RQ_COMPILED_##isa, product_##isa), \
                 RQ_ADDRESS(RQ_COMPILED_##isa, quantise_##isa), RQ_ADDRESS(RQ_COMPILED_##isa, transposed_product_##isa)},
#include "panels/kernels.inc"
#undef RQ_PANEL_KERNELS
};

struct Compiled {
    std::array<PanelKernels, candidates.size()> list{};
    std::size_t count = 0;
};

// At run time: some builds do not let the compiler compare a function's address.
Compiled compiled() noexcept {
    Compiled found;
    for (const PanelKernels& kernels : candidates) {
        if (kernels.product) found.list[found.count++] = kernels;
    }
    return found;
}

std::string refusal(const PanelKernels& kernels, const cpu::Features& features, std::optional<cpu::Isa> forced) {
    if (forced && kernels.isa > *forced) return std::string(name(*forced)) + " is forced";
    if (!kernels.product) return "not compiled";
    if (!runs_on(kernels.isa, features)) return "this machine lacks " + std::string(description(kernels.isa));
    return {};
}

}  // namespace

std::span<const PanelKernels> all_panel_kernels() noexcept {
    static const Compiled found = compiled();
    return {found.list.data(), found.count};
}

PanelChoice choose_panels(const cpu::Features& features, std::string_view forced) {
    const std::optional<cpu::Isa> isa = cpu::forced_isa(features, forced);
    std::string refused;
    for (const PanelKernels& kernels : candidates) {
        const std::string why = refusal(kernels, features, isa);
        if (why.empty()) return {kernels, "panels: " + std::string(kernels.name) + refused};
        if (isa == kernels.isa) throw Error(Status::unsupported, "isa: " + std::string(forced) + " was not compiled into this library");
        refused += "; not " + std::string(kernels.name) + ": " + why;
    }
    throw Error(Status::internal, "panels: no kernels");
}

}  // namespace rorqual::panels
