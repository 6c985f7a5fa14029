// The public operations that have kernels: checks, then the best kernels of this machine.

#include "rorqual/ops.hpp"

#include <memory_resource>

#include "ops/check.hpp"
#include "ops/decoded.hpp"
#include "ops/run.hpp"

namespace rorqual::ops {
namespace {

/// The executor's workers, or the calling thread.
std::unique_ptr<cpu::Workers> workers_of(Executor* executor) { return executor ? cpu::Workers::on(*executor) : cpu::Workers::caller(); }

/// body(run) with scratch for `values` decoded weights a worker.
template <class Body>
void with_scratch(cpu::Workers& workers, std::int64_t values, const Body& body) {
    const Run run{best_kernels(), workers};
    if (values == 0) return body(run);
    cpu::Arena counting;
    (void)Scratch::cut(counting, values, workers.count());
    cpu::Arena arena(counting.bytes(), *std::pmr::new_delete_resource());
    body(run.with(Scratch::cut(arena, values, workers.count())));
}

}  // namespace

const Kernels& best_kernels() {
    static const Kernels kernels = choose(cpu::detect());
    return kernels;
}

void matmul(WeightView w, ConstRows x, Rows y, Executor* executor) {
    check_weight("w", w);
    check_rows("x", x);
    check_rows("y", y);
    check_size("x: columns", x.cols, w.cols);
    check_size("y: rows", y.rows, x.rows);
    check_size("y: columns", y.cols, w.rows);
    const auto workers = workers_of(executor);
    with_scratch(*workers, decoded_values(w), [&](const Run& run) { matmul(run, w, x, y); });
}

void matmul_transposed(WeightView w, ConstRows x, Rows y, Executor* executor) {
    check_weight("w", w);
    check_rows("x", x);
    check_rows("y", y);
    check_size("x: columns", x.cols, w.rows);
    check_size("y: rows", y.rows, x.rows);
    check_size("y: columns", y.cols, w.cols);
    const auto workers = workers_of(executor);
    with_scratch(*workers, is_plain(w.dtype) ? 0 : w.rows * w.cols, [&](const Run& run) { matmul_transposed(run, w, x, y); });
}

void rms_norm(ConstRows x, std::span<const float> weight, float eps, Rows y) {
    check_rows("x", x);
    check_rows("y", y);
    check_size("weight: elements", static_cast<std::int64_t>(weight.size()), x.cols);
    check_size("y: rows", y.rows, x.rows);
    check_size("y: columns", y.cols, x.cols);
    best_kernels().rms_norm(x, weight.data(), eps, y);
}

void softmax(Rows x) {
    check_rows("x", x);
    best_kernels().softmax(x);
}

void swiglu(ConstRows gate, ConstRows up, Rows y) {
    check_rows("gate", gate);
    check_rows("up", up);
    check_rows("y", y);
    check_size("up: rows", up.rows, gate.rows);
    check_size("up: columns", up.cols, gate.cols);
    check_size("y: rows", y.rows, gate.rows);
    check_size("y: columns", y.cols, gate.cols);
    best_kernels().swiglu(gate, up, y);
}

}  // namespace rorqual::ops
