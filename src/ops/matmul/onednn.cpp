#include <oneapi/dnnl/dnnl.h>

#include "ops/matmul/libraries.hpp"

// Builds of oneDNN may carry OpenMP and would start its threads within ours. How many a call uses is a setting of the calling
// thread; it is reached by name, where the process has OpenMP at all, so that nothing of ours depends on it.
#if defined(__GNUC__) && !defined(_WIN32)
extern "C" {
int omp_get_max_threads() __attribute__((weak));
void omp_set_num_threads(int) __attribute__((weak));
}
#define RQ_OPENMP_BY_NAME 1
#endif

namespace rorqual::ops {
namespace {

/// While it lives, parallel regions of OpenMP that this thread enters have one thread.
class OneThread {
 public:
#if defined(RQ_OPENMP_BY_NAME)
    OneThread() noexcept {
        if (!omp_get_max_threads || !omp_set_num_threads) return;
        before_ = omp_get_max_threads();
        omp_set_num_threads(1);
    }
    ~OneThread() {
        if (before_ > 0) omp_set_num_threads(before_);
    }

 private:
    int before_ = 0;
#else
    OneThread() noexcept {}
#endif
 public:
    OneThread(const OneThread&) = delete;
    OneThread& operator=(const OneThread&) = delete;
};

}  // namespace

bool matmul_onednn(const WeightView& w, const ConstRows& x, const Rows& y) noexcept {
    const OneThread one_thread;
    return dnnl_sgemm('N', 'T', x.rows, w.rows, w.cols, 1.0F, x.data, x.stride, reinterpret_cast<const float*>(w.data), w.cols, 0.0F,
                      y.data, y.stride) == dnnl_success;
}

}  // namespace rorqual::ops
