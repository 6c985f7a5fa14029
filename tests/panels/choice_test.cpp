#include <catch2/catch.hpp>

#include "panels/kernels.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using namespace rorqual::panels;
using cpu::Features;

namespace {

Features everything() {
    Features f;
    f.avx2 = f.fma = f.f16c = f.bmi2 = f.avx512 = f.avx512_vnni = f.avx_vnni = true;
    return f;
}

}  // namespace

TEST_CASE("the last of the packed kernels is the portable one, and each is better than the next", "[panels][choice]") {
    const auto all = all_panel_kernels();
    REQUIRE_FALSE(all.empty());
    CHECK(all.back().isa == cpu::Isa::portable);
    for (std::size_t i = 0; i + 1 < all.size(); ++i) CHECK(all[i].isa > all[i + 1].isa);
    for (const PanelKernels& kernels : all) CHECK((kernels.product && kernels.quantise));
}

TEST_CASE("a machine with nothing gets the portable packed kernels, and the report says what it lacks", "[panels][choice]") {
    const PanelChoice choice = choose_panels(Features{});
    CHECK(choice.kernels.isa == cpu::Isa::portable);
    CHECK(choice.report.starts_with("panels: panels_portable; not panels_avx512_vnni: "));
}

TEST_CASE("forcing an instruction set runs no better packed kernels, and the report names it", "[panels][choice]") {
    CHECK(choose_panels(everything(), "portable").kernels.isa == cpu::Isa::portable);
#if defined(__x86_64__)
    CHECK(choose_panels(everything()).report == "panels: panels_avx512_vnni");
    CHECK(choose_panels(everything(), "avx512_vnni").kernels.isa == cpu::Isa::avx512_vnni);
    CHECK(choose_panels(everything(), "avx512").kernels.isa == cpu::Isa::avx_vnni);  // none for avx512, so the next best
    const PanelChoice avx2 = choose_panels(everything(), "avx2");
    CHECK(avx2.kernels.isa == cpu::Isa::avx2);
    CHECK(avx2.report == "panels: panels_avx2; not panels_avx512_vnni: avx2 is forced; not panels_avx_vnni: avx2 is forced");
#endif
}

TEST_CASE("packed kernels of an unknown instruction set are refused, and so are those that the machine lacks", "[panels][choice][hostile]") {
    const auto unknown = test::outcome_of([] { static_cast<void>(choose_panels(everything(), "avx9")); });
    CHECK(unknown.status == Status::invalid_argument);
    CHECK(unknown.says("avx9"));
    const auto missing = test::outcome_of([] { static_cast<void>(choose_panels(Features{}, "avx512_vnni")); });
    CHECK(missing.status == Status::unsupported);
    CHECK(missing.says("avx512_vnni"));
}
