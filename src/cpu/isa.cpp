#include "cpu/isa.hpp"

#include <string>

#include "rorqual/error.hpp"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#define RQ_X86_GNU 1
#elif defined(_M_X64)
#include <intrin.h>
#define RQ_X86_MSVC 1
#endif

#if defined(__aarch64__) && defined(__linux__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#elif defined(__aarch64__) && defined(__APPLE__)
#include <sys/sysctl.h>
#endif

namespace rorqual::cpu {
namespace {

constexpr bool bit(std::uint32_t word, int i) noexcept { return (word >> i & 1U) != 0; }

/// XCR0: which registers the operating system saves when it switches threads. Without it a vector unit may not be used.
constexpr std::uint64_t saves_ymm = 0b110;        // SSE and AVX state
constexpr std::uint64_t saves_zmm = 0b1110'0110;  // and opmask, upper halves, zmm16–31

struct IsaInfo {
    std::string_view name;
    std::string_view needs;
};
constexpr IsaInfo infos[] = {
#define RQ_ISA(name, text, needs) {#name, text},
#include "cpu/isa.inc"
#undef RQ_ISA
};

#if defined(RQ_X86_GNU) || defined(RQ_X86_MSVC)
struct Registers {
    std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

Registers cpuid(std::uint32_t leaf, std::uint32_t subleaf) noexcept {
    Registers r;
#if defined(RQ_X86_GNU)
    __cpuid_count(leaf, subleaf, r.eax, r.ebx, r.ecx, r.edx);
#else
    int out[4];
    __cpuidex(out, static_cast<int>(leaf), static_cast<int>(subleaf));
    r = {static_cast<std::uint32_t>(out[0]), static_cast<std::uint32_t>(out[1]), static_cast<std::uint32_t>(out[2]),
         static_cast<std::uint32_t>(out[3])};
#endif
    return r;
}

std::uint64_t xgetbv0() noexcept {
#if defined(RQ_X86_GNU)
    std::uint32_t low = 0, high = 0;
    __asm__ volatile("xgetbv"
                     : "=a"(low), "=d"(high)
                     : "c"(0));  // the intrinsic would need its own compiler flag
    return std::uint64_t{high} << 32 | low;
#else
    return _xgetbv(0);
#endif
}

CpuidLeaves read_leaves() noexcept {
    CpuidLeaves leaves;
    leaves.max_leaf = cpuid(0, 0).eax;
    if (leaves.max_leaf >= 1) {
        const Registers one = cpuid(1, 0);
        leaves.leaf1_ecx = one.ecx;
        leaves.leaf1_edx = one.edx;
        if (bit(one.ecx, 27)) leaves.xcr0 = xgetbv0();
    }
    if (leaves.max_leaf >= 7) {
        const Registers seven = cpuid(7, 0);
        leaves.leaf7_ebx = seven.ebx;
        leaves.leaf7_ecx = seven.ecx;
        leaves.leaf7_edx = seven.edx;
        if (seven.eax >= 1) {
            const Registers sub = cpuid(7, 1);
            leaves.leaf7_1_eax = sub.eax;
            leaves.leaf7_1_edx = sub.edx;
        }
    }
    return leaves;
}
#else
CpuidLeaves read_leaves() noexcept { return {}; }
#endif

#if defined(__aarch64__) && defined(__linux__)
bool has_arm_dotprod() noexcept { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#elif defined(__aarch64__) && defined(__APPLE__)
bool has_arm_dotprod() noexcept {
    int answer = 0;
    std::size_t size = sizeof answer;
    return sysctlbyname("hw.optional.arm.FEAT_DotProd", &answer, &size, nullptr, 0) == 0 && answer != 0;
}
#else
bool has_arm_dotprod() noexcept { return false; }
#endif

}  // namespace

// Bit positions: Intel 64 and IA-32 Architectures Software Developer's Manual, vol. 2, CPUID, leaves 1 and 7.
Features features_of(const CpuidLeaves& leaves) noexcept {
    Features f;
    if (leaves.max_leaf < 7) return f;
    const bool os_saves_ymm = bit(leaves.leaf1_ecx, 27) && (leaves.xcr0 & saves_ymm) == saves_ymm;
    const bool avx = os_saves_ymm && bit(leaves.leaf1_ecx, 28);
    f.avx2 = avx && bit(leaves.leaf7_ebx, 5);
    f.fma = avx && bit(leaves.leaf1_ecx, 12);
    f.f16c = avx && bit(leaves.leaf1_ecx, 29);
    f.bmi2 = bit(leaves.leaf7_ebx, 8);
    const bool os_saves_zmm = avx && (leaves.xcr0 & saves_zmm) == saves_zmm;
    f.avx512 = os_saves_zmm && bit(leaves.leaf7_ebx, 16) && bit(leaves.leaf7_ebx, 17) && bit(leaves.leaf7_ebx, 30) &&
               bit(leaves.leaf7_ebx, 31);  // F, DQ, BW, VL
    f.avx512_vnni = os_saves_zmm && bit(leaves.leaf7_ecx, 11);
    f.avx_vnni = avx && bit(leaves.leaf7_1_eax, 4);
    return f;
}

Features detect() noexcept {
    Features f = features_of(read_leaves());
    f.arm_dotprod = has_arm_dotprod();
    return f;
}

bool runs_on(Isa isa, [[maybe_unused]] const Features& f) noexcept {
    switch (isa) {
#define RQ_ISA(name, text, needs) \
    case Isa::name:               \
        return needs;
#include "cpu/isa.inc"
#undef RQ_ISA
    }
    return false;
}

std::optional<Isa> forced_isa(const Features& features, std::string_view forced) {
    if (forced.empty()) return {};
    std::string known;
    for (const Isa isa : all_isas()) {
        if (name(isa) != forced) {
            known += (known.empty() ? "" : ", ") + std::string(name(isa));
            continue;
        }
        if (!runs_on(isa, features)) {
            throw Error(Status::unsupported, "isa: " + std::string(forced) + " needs " + std::string(description(isa)) + ", which this machine lacks");
        }
        return isa;
    }
    throw Error(Status::invalid_argument, "isa: \"" + std::string(forced) + "\" is not known, expected one of " + known);
}

std::string_view name(Isa isa) noexcept { return infos[static_cast<std::size_t>(isa)].name; }
std::string_view description(Isa isa) noexcept { return infos[static_cast<std::size_t>(isa)].needs; }

std::span<const Isa> all_isas() noexcept {
    static constexpr Isa all[] = {
#define RQ_ISA(name, text, needs) Isa::name,
#include "cpu/isa.inc"
#undef RQ_ISA
    };
    return all;
}

}  // namespace rorqual::cpu
