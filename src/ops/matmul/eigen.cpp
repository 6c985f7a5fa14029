#define EIGEN_MPL2_ONLY
#define EIGEN_DONT_PARALLELIZE
#define EIGEN_NO_DEBUG  // no assertions: shapes are checked
#include <Eigen/Core>

#include "ops/matmul/libraries.hpp"

namespace rorqual::ops {

bool matmul_eigen(const WeightView& w, const ConstRows& x, const Rows& y) noexcept {
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    using Stride = Eigen::OuterStride<>;
    try {
        const Eigen::Map<const Matrix, 0, Stride> weights(reinterpret_cast<const float*>(w.data), w.rows, w.cols, Stride(w.cols));
        const Eigen::Map<const Matrix, 0, Stride> in(x.data, x.rows, x.cols, Stride(x.stride));
        Eigen::Map<Matrix, 0, Stride> out(y.data, y.rows, y.cols, Stride(y.stride));
        out.noalias() = in * weights.transpose();
        return true;
    } catch (...) {  // std::bad_alloc for its packing buffers
        return false;
    }
}

}  // namespace rorqual::ops
