#include "ops/run.hpp"

#include <algorithm>
#include <array>
#include <atomic>

#include "ops/decoded.hpp"
#include "ops/matmul/libraries.hpp"
#include "quant/block_scaled.hpp"

namespace rorqual::ops {
namespace {

// The grid of tasks depends on shapes alone. Tasks are large beside the price of handing one out (tens of ns) and small beside
// the whole, so that a worker that is put aside holds up little.
constexpr std::int64_t task_rows = 32;  // of W in a product with several tokens
constexpr std::int64_t task_tokens = 96;
constexpr std::int64_t task_elements = 16 * 1024;  // of row-wise operations

constexpr std::int64_t library_task_rows = 256;  // libraries pack both operands, which larger tasks pay for
constexpr std::int64_t library_task_tokens = 512;

constexpr std::int64_t pieces(std::int64_t whole, std::int64_t piece) noexcept { return whole / piece + (whole % piece != 0); }

/// One piece of [0, whole) in steps of `piece`.
struct Range {
    std::int64_t first;
    std::int64_t count;

    Range(std::int64_t index, std::int64_t piece, std::int64_t whole) noexcept
        : first(index * piece), count(std::min(piece, whole - first)) {}
};

std::size_t format_of(const WeightView& w) noexcept { return static_cast<std::size_t>(w.dtype); }

/// Bytes of W in the shortest task of products with one token, which read `bytes` in all: reading is all the work, and beginning anew costs as
/// much as reading 20 KB. So one task for every worker where there is little to read.
std::int64_t matvec_task_bytes(std::int64_t bytes, std::size_t workers) noexcept {
    constexpr std::int64_t least = 8 * 1024, enough = 64 * 1024;
    const std::int64_t share = bytes / static_cast<std::int64_t>(workers);
    return share <= 2 * enough ? std::max(least, share) : enough;
}

/// Do int8 rows meet packed weights?
bool is_packed(const Product& p) noexcept { return p.x.is_quantised() && has_packed_form(p.w); }
WeightView operand(const Product& p) noexcept { return is_packed(p) ? packed_form(p.w) : p.w; }

/// Rows of W in one task that reads about `bytes`: in whole panels, or in whole fours of rows as they are.
std::int64_t matvec_task_rows(const WeightView& w, std::int64_t bytes) noexcept {
    const std::int64_t step = is_plain(w.dtype) ? 4 : WeightView::panel_rows;
    const std::int64_t each = std::max<std::int64_t>(1, w.packed() ? w.panel_bytes / WeightView::panel_rows : w.row_bytes());
    return std::max(step, pieces(bytes / each, step) * step);
}

/// Scratch is the caller's promise; a broken one must not write elsewhere.
void check_scratch(const Run& run, std::int64_t values) {
    if (run.scratch.each < values * static_cast<std::int64_t>(sizeof(float))) {
        throw Error(Status::internal, "product: no scratch for " + std::to_string(values) + " decoded weights");
    }
}

float* decoded_in(const Worker& worker) noexcept { return reinterpret_cast<float*>(worker.scratch.data()); }

/// body(worker, rows of W, rows of x, their part of y) for every task of the grid, row tasks first: neighbours share rows of x, which are
/// read again and again, and W is read once for each block of tokens.
template <class Body>
void for_blocks(const Run& run, const WeightView& w, const ConstRows& x, const Rows& y, std::int64_t rows, std::int64_t tokens,
                const Body& body) {
    const std::int64_t row_tasks = pieces(w.rows, rows);
    run.parallel_for(row_tasks * pieces(x.rows, tokens), [&](std::int64_t task, std::size_t worker) {
        const Range n(task % row_tasks, rows, w.rows);
        const Range t(task / row_tasks, tokens, x.rows);
        body(worker, w.slice_rows(n.first, n.count), x.slice_rows(t.first, t.count), y.slice_rows(t.first, t.count).slice_cols(n.first, n.count));
    });
}

/// The library function of `gemm`; Error(unsupported) where it was not compiled.
auto library(Gemm gemm) {
#if defined(RQ_ONEDNN)
    if (gemm == Gemm::onednn) return &matmul_onednn;
#endif
    if (gemm == Gemm::eigen) return &matmul_eigen;
    throw Error(Status::unsupported, "gemm: oneDNN was not compiled into this library");
}

void library_matmul(const Run& run, const WeightView& w, const ConstRows& x, const Rows& y) {
    const auto product = library(run.gemm);
    std::atomic<bool> failed{false};
    for_blocks(run, w, x, y, library_task_rows, library_task_tokens, [&](std::size_t, const WeightView& wb, const ConstRows& xb, const Rows& yb) {
        if (!product(wb, xb, yb)) failed.store(true, std::memory_order_relaxed);
    });
    if (failed) throw Error(Status::no_memory, "gemm: the library could not compute a product of " + std::to_string(x.rows) + " rows");
}

template <class Body>
void for_row_blocks(const Run& run, std::int64_t rows, std::int64_t cols, const Body& body) {
    const std::int64_t block = std::clamp<std::int64_t>(task_elements / std::max<std::int64_t>(1, cols), 1, 1024);
    run.parallel_for(pieces(rows, block), [&](std::int64_t task, std::size_t) { body(Range(task, block, rows)); });
}

}  // namespace

bool has(Gemm gemm) noexcept {
#if !defined(RQ_ONEDNN)
    if (gemm == Gemm::onednn) return false;
#endif
    return gemm == Gemm::own || gemm == Gemm::eigen || gemm == Gemm::onednn;
}

void matmul(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y) {
    const Kernels& kernels = worker.kernels;
    const auto products = x.rows == 1 ? kernels.matvec : kernels.matmul;
    if (is_plain(w.dtype)) return products[format_of(w)](w, x, y);
    for (std::int64_t n = 0; n < w.rows; n += WeightView::panel_rows) {
        const auto count = std::min(WeightView::panel_rows, w.rows - n);
        decode_rows(w, n, count, decoded_in(worker));
        products[format_of({})](weight_view({decoded_in(worker), count, w.cols}), x, y.slice_cols(n, count));
    }
}

void matmul_transposed(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y) {
    if (is_plain(w.dtype)) return worker.kernels.matmul_transposed[format_of(w)](w, x, y);
    decode_rows(w, 0, w.rows, decoded_in(worker));
    worker.kernels.matmul_transposed[format_of({})](weight_view({decoded_in(worker), w.rows, w.cols}), x, y);
}

namespace {

/// Rows [first, end) of W, as far as they exist.
void matvec_rows(const Worker& worker, const Product& p, std::int64_t first, std::int64_t end) {
    const std::int64_t count = std::min(end, p.w.rows) - first;
    const auto rows = operand(p).slice_rows(first, count);
    const auto y = p.y.slice_cols(first, count);
    is_packed(p) ? packed_matmul(worker, rows, p.x.quantised, nullptr, y) : matmul(worker, rows, p.x.x, y);
}

}  // namespace

void matmul(const Run& run, std::span<const Product> products) {
    if (!std::ranges::all_of(products, [](const Product& p) { return p.y.rows == 1; })) {
        for (const auto& [w, x, y] : products) matmul(run, w, x, y);
        return;
    }
    std::int64_t bytes = 0;
    for (const Product& p : products) {
        if (!is_packed(p)) check_scratch(run, decoded_values(p.w));
        bytes += operand(p).bytes();
    }
    const std::int64_t each = matvec_task_bytes(bytes, run.workers.count());
    const auto tasks_of = [&](const Product& p) { return pieces(p.w.rows, matvec_task_rows(operand(p), each)); };
    std::int64_t tasks = 0;
    for (const Product& p : products) tasks += tasks_of(p);
    run.parallel_ranges(tasks, [&](std::int64_t first, std::int64_t count, std::size_t worker) {
        std::int64_t begin = 0;  // of this product's tasks
        for (const Product& p : products) {
            const std::int64_t from = std::max(first, begin) - begin, to = std::min(first + count - begin, tasks_of(p));
            if (from < to) matvec_rows(run.at(worker), p, from * matvec_task_rows(operand(p), each), to * matvec_task_rows(operand(p), each));
            begin += tasks_of(p);
        }
    });
}

void matmul(const Run& run, const WeightView& w, const Input& in, const Rows& y) {
    if (y.rows == 1) return matmul(run, std::array{Product{w, in, y}});
    if (in.is_quantised() && has_packed_form(w)) return packed_matmul(run, packed_form(w), in.quantised, y);
    const ConstRows& x = in.x;
    const bool aligned = reinterpret_cast<std::uintptr_t>(w.data) % alignof(float) == 0;
    if (run.gemm != Gemm::own && w.dtype == DType::f32 && aligned && x.rows >= library_rows && w.cols > 0) return library_matmul(run, w, x, y);
    check_scratch(run, decoded_values(w));
    for_blocks(run, w, x, y, task_rows, task_tokens, [&](std::size_t worker, const WeightView& wb, const ConstRows& xb, const Rows& yb) {
        matmul(run.at(worker), wb, xb, yb);
    });
}

void matmul_transposed(const Run& run, const WeightView& w, const ConstRows& x, const Rows& y) {
    // Split over rows of x: a piece of columns of W would not be a WeightView.
    const std::int64_t tokens = std::clamp<std::int64_t>(task_elements * 16 / std::max<std::int64_t>(1, w.cols), 1, task_tokens);
    if (!is_plain(w.dtype)) check_scratch(run, w.rows * w.cols);
    run.parallel_for(pieces(x.rows, tokens), [&](std::int64_t task, std::size_t worker) {
        const Range t(task, tokens, x.rows);
        matmul_transposed(run.at(worker), w, x.slice_rows(t.first, t.count), y.slice_rows(t.first, t.count));
    });
}

void rms_norm(const Run& run, const ConstRows& x, std::span<const float> weight, float eps, const Rows& y) {
    for_row_blocks(run, x.rows, x.cols, [&](const Range& t) {
        run.kernels.rms_norm(x.slice_rows(t.first, t.count), weight.data(), eps, y.slice_rows(t.first, t.count));
    });
}

void swiglu(const Run& run, const ConstRows& gate, const ConstRows& up, const Rows& y) {
    for_row_blocks(run, gate.rows, gate.cols, [&](const Range& t) {
        run.kernels.swiglu(gate.slice_rows(t.first, t.count), up.slice_rows(t.first, t.count), y.slice_rows(t.first, t.count));
    });
}

}  // namespace rorqual::ops
