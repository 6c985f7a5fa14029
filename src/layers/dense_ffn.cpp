#include "layers/dense_ffn.hpp"

#include <array>

namespace rorqual::layers {

void DenseFfn::forward(const ops::Run& run, const ops::Input& x, Rows y, const FfnScratch& scratch) const {
    const auto T = x.x.rows;
    const auto g = scratch.rows(T, gate.rows);
    const auto u = scratch.rows(T, gate.rows, T * gate.rows);
    ops::matmul(run, std::array{ops::Product{gate, x, g}, ops::Product{up, x, u}});
    limit.apply(g, u);
    ops::swiglu(run, g, u, g);
    ops::matmul(run, down, ops::input(run, g, scratch.quantised), y);
}

}  // namespace rorqual::layers
