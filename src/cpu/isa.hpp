#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace rorqual::cpu {

/// Instruction sets that kernels are written for, worst first. `isa.inc` is the list: name, what a machine must have.
enum class Isa : std::int32_t {
#define RQ_ISA(name, text, needs) name,
#include "cpu/isa.inc"
#undef RQ_ISA
};

/// What the processor and the operating system offer, as far as isa.inc asks.
struct Features {
    bool avx2 = false;  ///< AVX2 and the OS saves ymm registers
    bool fma = false;
    bool f16c = false;
    bool bmi2 = false;
    bool avx512 = false;  ///< F, BW, VL, DQ and the OS saves zmm registers
    bool avx512_vnni = false;
    bool avx_vnni = false;     ///< vpdpbusd in ymm registers
    bool arm_dotprod = false;  ///< sdot
};

/// Raw answers of the CPUID instruction, so that detection can be tested with those of other machines.
struct CpuidLeaves {
    std::uint32_t max_leaf = 0;
    std::uint32_t leaf1_ecx = 0, leaf1_edx = 0;
    std::uint32_t leaf7_ebx = 0, leaf7_ecx = 0, leaf7_edx = 0;
    std::uint32_t leaf7_1_eax = 0, leaf7_1_edx = 0;
    std::uint64_t xcr0 = 0;  ///< XGETBV(0), 0 without OSXSAVE
};

[[nodiscard]] Features features_of(const CpuidLeaves& leaves) noexcept;

/// This machine's features; asks the processor each time (microseconds).
[[nodiscard]] Features detect() noexcept;

[[nodiscard]] bool runs_on(Isa isa, const Features& features) noexcept;

/// The instruction set a caller insists on: none for "". A name nobody knows is Error(invalid_argument), one that this machine lacks
/// Error(unsupported). Kernels better than the one forced are not used; an operation without kernels for it uses the next best.
[[nodiscard]] std::optional<Isa> forced_isa(const Features& features, std::string_view forced);

/// "avx2": what reports print and what forces a choice.
[[nodiscard]] std::string_view name(Isa isa) noexcept;
/// "x86-64 with AVX2, FMA, F16C and BMI2": what a machine must have.
[[nodiscard]] std::string_view description(Isa isa) noexcept;
/// Every instruction set of isa.inc, worst first.
[[nodiscard]] std::span<const Isa> all_isas() noexcept;

}  // namespace rorqual::cpu
