#include "layers/dense_ffn.hpp"

namespace rorqual::layers {

void DenseFfn::forward(const ops::Run& run, ConstRows x, Rows y, const FfnScratch& scratch) const {
    const auto g = scratch.rows(x.rows, gate.rows);
    const auto u = scratch.rows(x.rows, gate.rows, x.rows * gate.rows);
    ops::matmul(run, gate, x, g);
    ops::matmul(run, up, x, u);
    ops::swiglu(run, g, u, g);
    ops::matmul(run, down, g, y);
}

}  // namespace rorqual::layers
