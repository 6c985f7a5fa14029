#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpu/isa.hpp"
#include "ops/partial_softmax/partial_softmax.hpp"
#include "panels/kernels.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::ops {

/// A product y = x·Wᵀ (matvec, matmul) or y = x·W (matmul_transposed) of one weight format on one thread.
/// Shapes are the caller's duty; x.rows, w.rows ≥ 0, any alignment; y overlaps nothing. No allocation, threads or errors.
/// Each y[t,n] is summed in one order over k that depends on the kernel's instruction set only, never on T, N or the
/// position of t and n: matvec and matmul of one instruction set give the same bits.
using ProductFn = void (*)(const WeightView& w, const ConstRows& x, const Rows& y);

using PartialSoftmaxFn = PartialSoftmax (*)(float* x, const float* y, std::int64_t n, float scale);
using RmsNormFn = void (*)(const ConstRows& x, const float* weight, float eps, const Rows& y);
using SoftmaxFn = void (*)(const Rows& x);
using SwigluFn = void (*)(const ConstRows& gate, const ConstRows& up, const Rows& y);

/// One candidate: what tests, benchmarks and reports see of it.
struct Kernel {
    std::string_view op;    ///< "matmul"
    std::string_view name;  ///< "matmul_bf16_avx2"
    cpu::Isa isa;
    DType format;  ///< weights' format; f32 for operations without weights
    void (*fn)();  ///< cast to the operation's type
};

/// Every kernel that was compiled into this library, best first within an operation and format.
[[nodiscard]] std::span<const Kernel> all_kernels() noexcept;

/// The kernels in use: chosen once, when a model opens, then passed down. Indexed by weight format (f32, f16, bf16).
struct Kernels {
    static constexpr std::size_t formats = 3;
    ProductFn matvec[formats] = {};             ///< T = 1
    ProductFn matmul[formats] = {};             ///< any T
    ProductFn matmul_transposed[formats] = {};  ///< any T
    PartialSoftmaxFn partial_softmax = nullptr;
    RmsNormFn rms_norm = nullptr;
    SoftmaxFn softmax = nullptr;
    SwigluFn swiglu = nullptr;
    panels::PanelKernels panels = {};  ///< products with packed weights
    cpu::Isa isa = cpu::Isa::portable;

    /// One line per operation: which kernel runs, and for each better one why it does not.
    std::vector<std::string> report;
};

/// Chooses the best kernels for `features`, up to the instruction set `forced`: "" = best. A name nobody knows is
/// Error(invalid_argument); one that this machine or this build lacks is Error(unsupported), never a silent fallback.
[[nodiscard]] Kernels choose(const cpu::Features& features, std::string_view forced = {});

/// choose() for this machine: what operations on plain arrays use. Asked of the processor once; a constant from then on.
[[nodiscard]] const Kernels& best_kernels();

}  // namespace rorqual::ops
