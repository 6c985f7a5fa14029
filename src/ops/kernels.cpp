#include "ops/kernels.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "ops/matmul/matmul.hpp"
#include "ops/matmul_transposed/matmul_transposed.hpp"
#include "ops/matvec/matvec.hpp"
#include "ops/partial_softmax/partial_softmax.hpp"
#include "ops/rms_norm/rms_norm.hpp"
#include "ops/softmax/softmax.hpp"
#include "ops/swiglu/swiglu.hpp"
#include "rorqual/error.hpp"

// rq_isa_sources defines RQ_COMPILED_<isa> as 1 where the processor family and the compiler have the instruction set.
#ifndef RQ_COMPILED_avx2
#define RQ_COMPILED_avx2 0
#endif
#ifndef RQ_COMPILED_avx512
#define RQ_COMPILED_avx512 0
#endif

namespace rorqual::ops {
namespace {

// The address of a kernel, or null where it was not compiled.
#define RQ_ADDRESS_0(function) nullptr
#define RQ_ADDRESS_1(function) reinterpret_cast<void (*)()>(&function)
#define RQ_ADDRESS(compiled, function) RQ_ADDRESS_IF(compiled, function)
#define RQ_ADDRESS_IF(compiled, function) RQ_ADDRESS_##compiled(function)

/// Every kernel of every kernels.inc in its order; fn is null where this build does not have it.
const std::array candidates = {
#define RQ_KERNEL(op, format, isa)                                      \
    Kernel{#op, #op "_" #format "_" #isa, cpu::Isa::isa, DType::format, \
           RQ_ADDRESS(RQ_COMPILED_##isa, op##_##format##_##isa)},
#include "ops/matmul/kernels.inc"
#include "ops/matmul_transposed/kernels.inc"
#include "ops/matvec/kernels.inc"
#include "ops/partial_softmax/kernels.inc"
#include "ops/rms_norm/kernels.inc"
#include "ops/softmax/kernels.inc"
#include "ops/swiglu/kernels.inc"
#undef RQ_KERNEL
};

struct Compiled {
    std::array<Kernel, candidates.size()> kernels;
    std::size_t count = 0;
};

Compiled compiled() noexcept {
    Compiled found;
    for (const Kernel& kernel : candidates) {
        if (kernel.fn) found.kernels[found.count++] = kernel;
    }
    return found;
}

bool has_kernels(cpu::Isa isa) noexcept {
    for (const Kernel& kernel : all_kernels()) {
        if (kernel.isa == isa) return true;
    }
    return false;
}

/// The instruction set a caller insists on, checked. One for which no kernel is written here is fine: others may have some.
std::optional<cpu::Isa> compiled_isa(const cpu::Features& features, std::string_view forced) {
    const std::optional<cpu::Isa> isa = cpu::forced_isa(features, forced);
    if (isa && !has_kernels(*isa) && std::ranges::any_of(candidates, [&](const Kernel& kernel) { return kernel.isa == *isa; })) {
        throw Error(Status::unsupported, "isa: " + std::string(forced) + " was not compiled into this library");
    }
    return isa;
}

/// Goes through the candidates of one operation and format, best first; writes the line of the report.
class Choice {
 public:
    Choice(const cpu::Features& features, std::optional<cpu::Isa> forced, std::vector<std::string>& report)
        : features_(features), forced_(forced), report_(report) {}

    template <class Fn>
    Fn of(std::string_view op, DType format) {
        std::string refused;
        for (const Kernel& kernel : candidates) {
            if (kernel.op != op || kernel.format != format) continue;
            const std::string why = refusal(kernel);
            if (why.empty()) {
                report_.push_back(std::string(op) + " " + std::string(name(format)) + ": " + std::string(kernel.name) + refused);
                return reinterpret_cast<Fn>(kernel.fn);
            }
            refused += "; not " + std::string(kernel.name) + ": " + why;
        }
        throw Error(Status::internal, "kernels: none for " + std::string(op) + " " + std::string(name(format)));
    }

 private:
    [[nodiscard]] std::string refusal(const Kernel& kernel) const {
        if (!kernel.fn) return "not compiled";
        if (!runs_on(kernel.isa, features_)) return "this machine lacks " + std::string(description(kernel.isa));
        if (forced_ && kernel.isa > *forced_) return std::string(name(*forced_)) + " is forced";
        return {};
    }

    const cpu::Features& features_;
    std::optional<cpu::Isa> forced_;
    std::vector<std::string>& report_;
};

}  // namespace

std::span<const Kernel> all_kernels() noexcept {
    static const Compiled list = compiled();
    return {list.kernels.data(), list.count};
}

Kernels choose(const cpu::Features& features, std::string_view forced) {
    const std::optional<cpu::Isa> isa = compiled_isa(features, forced);
    Kernels kernels;
    Choice choice(features, isa, kernels.report);
    for (std::size_t i = 0; i < Kernels::formats; ++i) {
        const auto format = static_cast<DType>(i);
        kernels.matvec[i] = choice.of<ProductFn>("matvec", format);
        kernels.matmul[i] = choice.of<ProductFn>("matmul", format);
        kernels.matmul_transposed[i] = choice.of<ProductFn>("matmul_transposed", format);
    }
    kernels.partial_softmax = choice.of<PartialSoftmaxFn>("partial_softmax", DType::f32);
    kernels.rms_norm = choice.of<RmsNormFn>("rms_norm", DType::f32);
    kernels.softmax = choice.of<SoftmaxFn>("softmax", DType::f32);
    kernels.swiglu = choice.of<SwigluFn>("swiglu", DType::f32);
    const auto panels = panels::choose_panels(features, forced);
    kernels.panels = panels.kernels;
    kernels.report.push_back(panels.report);
    for (const cpu::Isa candidate : cpu::all_isas()) {
        if (has_kernels(candidate) && runs_on(candidate, features) && (!isa || candidate <= *isa)) kernels.isa = candidate;
    }
    return kernels;
}

}  // namespace rorqual::ops
