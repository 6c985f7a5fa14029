#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "cpu/isa.hpp"
#include "support/outcome.hpp"

using namespace rorqual::cpu;

namespace {

/// Feature words as these processors report them: leaf 1 (ecx, edx), leaf 7 (ebx, ecx, edx), leaf 7.1 (eax, edx), XCR0.
struct Recorded {
    std::string machine;
    CpuidLeaves leaves;
    Isa best;
};

const std::vector<Recorded> machines = {
    {"Nehalem: SSE4.2, no AVX", {0xb, 0x009ce3bd, 0xbfebfbff, 0, 0, 0, 0, 0, 0}, Isa::portable},
    {"Sandy Bridge: AVX and no more", {0xd, 0x1fbae3ff, 0xbfebfbff, 0, 0, 0, 0, 0, 0x7}, Isa::portable},
    {"Haswell", {0xd, 0x7ffafbff, 0xbfebfbff, 0x000027ab, 0, 0, 0, 0, 0x7}, Isa::avx2},
    {"Zen 3", {0x10, 0x7ef8320b, 0x178bfbff, 0x219c97a9, 0x0040068c, 0, 0, 0, 0x207}, Isa::avx2},
    {"Alder Lake, AVX-512 fused off", {0x20, 0x7ffafbff, 0xbfebfbff, 0x239c27eb, 0x994007ac, 0xfc18c410, 0x00401c30, 0, 0x207}, Isa::avx_vnni},
    {"Skylake-SP", {0x16, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 0x00000008, 0xbc000400, 0, 0, 0xe7}, Isa::avx512},
    {"Cascade Lake-SP", {0x16, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 0x00000808, 0xbc000400, 0, 0, 0xe7}, Isa::avx512_vnni},
    {"Knights Landing: AVX-512 F without BW, VL, DQ", {0xd, 0x7ff8f3ff, 0xbfebfbff, 0x1c0d23ab, 0x00000001, 0, 0, 0, 0xe7}, Isa::avx2},
    {"Skylake-SP under a system that saves no zmm registers", {0x16, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 8, 0xbc000400, 0, 0, 0x7}, Isa::avx2},
    {"Haswell under a system that saves no ymm registers", {0xd, 0x7ffafbff, 0xbfebfbff, 0x000027ab, 0, 0, 0, 0, 0x3}, Isa::portable},
    {"Haswell in a virtual machine without XSAVE", {0xd, 0x73fafbff, 0xbfebfbff, 0x000027ab, 0, 0, 0, 0, 0}, Isa::portable},
    {"no processor that has CPUID", {}, Isa::portable},
};

Isa best_of(const Features& features) {
    Isa best = Isa::portable;
    for (const Isa isa : all_isas()) {
        if (runs_on(isa, features)) best = isa;
    }
    return best;
}

}  // namespace

TEST_CASE("the best instruction set is told from the recorded answers of other machines", "[cpu][isa]") {
    for (const Recorded& machine : machines) {
        CAPTURE(machine.machine);
        CHECK(name(best_of(features_of(machine.leaves))) == name(machine.best));
    }
}

TEST_CASE("no single missing feature bit leaves a kernel that would use it", "[cpu][isa]") {
    const CpuidLeaves whole{0x20, 0x7ffefbff, 0xbfebfbff, 0xd39ffffb, 0x808, 0, 0, 0, 0xe7};
    REQUIRE(best_of(features_of(whole)) == Isa::avx512_vnni);
    for (const int bit : {12, 27, 28, 29}) {  // FMA, OSXSAVE, AVX, F16C
        CpuidLeaves without = whole;
        without.leaf1_ecx &= ~(1U << bit);
        CHECK(best_of(features_of(without)) == Isa::portable);
    }
    for (const int bit : {5, 8}) {  // AVX2, BMI2
        CpuidLeaves without = whole;
        without.leaf7_ebx &= ~(1U << bit);
        CHECK(best_of(features_of(without)) == Isa::portable);
    }
    for (const int bit : {16, 17, 30, 31}) {  // AVX-512 F, DQ, BW, VL
        CpuidLeaves without = whole;
        without.leaf7_ebx &= ~(1U << bit);
        CHECK(best_of(features_of(without)) == Isa::avx2);
    }
    CpuidLeaves no_vnni = whole;
    no_vnni.leaf7_ecx &= ~(1U << 11);
    CHECK(best_of(features_of(no_vnni)) == Isa::avx512);
    for (int bit = 1; bit < 8; ++bit) {  // XCR0: SSE, AVX, (MPX), opmask, upper zmm, zmm16-31
        if (bit == 3 || bit == 4) continue;
        CpuidLeaves without = whole;
        without.xcr0 &= ~(1ULL << bit);
        CHECK(best_of(features_of(without)) == (bit <= 2 ? Isa::portable : Isa::avx2));
    }
    CpuidLeaves old = whole;
    old.max_leaf = 6;
    CHECK(best_of(features_of(old)) == Isa::portable);
}

TEST_CASE("every instruction set has a name, a description and runs where its features are", "[cpu][isa]") {
    Features all;
    all.avx2 = all.fma = all.f16c = all.bmi2 = all.avx512 = all.avx512_vnni = all.avx_vnni = all.arm_dotprod = true;
    for (const Isa isa : all_isas()) {
        CHECK_FALSE(name(isa).empty());
        CHECK_FALSE(description(isa).empty());
        CHECK(runs_on(isa, all));
    }
    CHECK(runs_on(Isa::portable, Features{}));
}

TEST_CASE("forcing an instruction set is refused for names nobody knows and for what the machine lacks", "[cpu][isa][hostile]") {
    Features avx2;
    avx2.avx2 = avx2.fma = avx2.f16c = avx2.bmi2 = true;
    CHECK_FALSE(forced_isa(avx2, ""));
    CHECK(forced_isa(avx2, "portable") == Isa::portable);
    CHECK(forced_isa(avx2, "avx2") == Isa::avx2);
    const auto missing = rorqual::test::outcome_of([&] { static_cast<void>(forced_isa(avx2, "avx512_vnni")); });
    CHECK(missing.status == rorqual::Status::unsupported);
    CHECK(missing.says("VNNI"));
    for (const char* unknown : {"avx", "AVX2", "avx512_vnni "}) {
        const auto outcome = rorqual::test::outcome_of([&] { static_cast<void>(forced_isa(avx2, unknown)); });
        CHECK(outcome.status == rorqual::Status::invalid_argument);
        CHECK(outcome.says(unknown));
    }
}

#if defined(__GNUC__) && defined(__x86_64__)
TEST_CASE("detection agrees with the compiler's own", "[cpu][isa]") {
    const Features f = detect();
    CHECK(f.avx2 == static_cast<bool>(__builtin_cpu_supports("avx2")));
    CHECK(f.fma == static_cast<bool>(__builtin_cpu_supports("fma")));
    CHECK(f.bmi2 == static_cast<bool>(__builtin_cpu_supports("bmi2")));
    CHECK(f.avx512 == (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                       __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")));
    CHECK(f.avx512_vnni == static_cast<bool>(__builtin_cpu_supports("avx512vnni")));
    CHECK_FALSE(f.arm_dotprod);
}
#endif
