#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "ops/kernels.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using cpu::Features;

namespace {

Features everything() {
    Features f;
    f.avx2 = f.fma = f.f16c = f.bmi2 = f.avx512 = f.avx512_vnni = f.avx_vnni = true;
    return f;
}

// Where there are kernels to choose among.
[[maybe_unused]] bool says(const std::vector<std::string>& report, const std::string& line) {
    return std::find(report.begin(), report.end(), line) != report.end();
}

}  // namespace

TEST_CASE("every kernel has a name of its own, and the portable one of each operation is the last", "[ops][choice]") {
    std::set<std::string_view> names;
    std::set<std::pair<std::string_view, DType>> ended;
    for (const ops::Kernel& kernel : ops::all_kernels()) {
        CAPTURE(kernel.name);
        CHECK(kernel.fn);
        CHECK(names.insert(kernel.name).second);
        CHECK(ended.count({kernel.op, kernel.format}) == 0);
        if (kernel.isa == cpu::Isa::portable) ended.insert({kernel.op, kernel.format});
    }
    CHECK(ended.size() == 3 * 3 + 4);
}

TEST_CASE("a machine with nothing gets the portable kernels, and the report says what it lacks", "[ops][choice]") {
    const ops::Kernels kernels = ops::choose(Features{});
    CHECK(kernels.isa == cpu::Isa::portable);
    CHECK(kernels.report.size() == 3 * 3 + 4 + 1);
    for (const std::string& line : kernels.report) {
        CHECK(line.find("_portable; not ") != std::string::npos);
        CHECK((line.find("this machine lacks") != std::string::npos || line.find("not compiled") != std::string::npos));
    }
}

TEST_CASE("every operation has a kernel on every machine", "[ops][choice]") {
    for (const Features& features : {Features{}, everything(), cpu::detect()}) {
        const ops::Kernels kernels = ops::choose(features);
        for (std::size_t i = 0; i < ops::Kernels::formats; ++i) {
            CHECK(kernels.matvec[i]);
            CHECK(kernels.matmul[i]);
            CHECK(kernels.matmul_transposed[i]);
        }
        CHECK((kernels.rms_norm && kernels.softmax && kernels.swiglu));
    }
}

TEST_CASE("forcing an instruction set runs nothing better, and the report names it", "[ops][choice]") {
    const ops::Kernels kernels = ops::choose(everything(), "portable");
    CHECK(kernels.isa == cpu::Isa::portable);
    for (const std::string& line : kernels.report) CHECK(line.find("_portable; not ") != std::string::npos);
#if defined(__x86_64__)
    CHECK(says(kernels.report, "matmul bf16: matmul_bf16_portable; not matmul_bf16_avx512: portable is forced; not matmul_bf16_avx2: portable is forced"));
    const ops::Kernels avx2 = ops::choose(everything(), "avx2");
    CHECK(avx2.isa == cpu::Isa::avx2);
    CHECK(says(avx2.report, "matvec f32: matvec_f32_avx2; not matvec_f32_avx512: avx2 is forced"));
    const ops::Kernels vnni = ops::choose(everything(), "avx512_vnni");  // no kernels here, so the next best
    CHECK(vnni.isa == cpu::Isa::avx512);
    const ops::Kernels best = ops::choose(everything());
    CHECK(best.isa == cpu::Isa::avx512);
    CHECK(says(best.report, "matvec f32: matvec_f32_avx512"));
    CHECK(says(best.report, "softmax f32: softmax_f32_avx2"));
#endif
}

TEST_CASE("matvec and matmul of one choice come from one instruction set, so that one token and many give the same bits", "[ops][choice]") {
    Features only_avx2 = everything();
    only_avx2.avx512 = false;
    for (const Features& features : {Features{}, only_avx2, everything()}) {
        const ops::Kernels kernels = ops::choose(features);
        const auto isa_of = [](ops::ProductFn fn) {
            for (const ops::Kernel& kernel : ops::all_kernels()) {
                if (reinterpret_cast<ops::ProductFn>(kernel.fn) == fn) return kernel.isa;
            }
            throw std::logic_error("a chosen kernel is not in the list");
        };
        for (std::size_t i = 0; i < ops::Kernels::formats; ++i) CHECK(isa_of(kernels.matvec[i]) == isa_of(kernels.matmul[i]));
    }
}

TEST_CASE("an unknown instruction set is refused, and so is one that the machine lacks", "[ops][choice][hostile]") {
    for (const char* unknown : {"sse9", "AVX2", "avx2 ", "avx51"}) {
        const auto outcome = test::outcome_of([&] { static_cast<void>(ops::choose(everything(), unknown)); });
        CHECK(outcome.status == Status::invalid_argument);
        CHECK(outcome.says(unknown));
    }
    for (const char* missing : {"avx2", "avx512"}) {
        const auto outcome = test::outcome_of([&] { static_cast<void>(ops::choose(Features{}, missing)); });
        CHECK(outcome.status == Status::unsupported);
        CHECK(outcome.says(missing));
    }
}
