#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>
#include <utility>

#include "cpu/workers.hpp"
#include "ops/input.hpp"
#include "ops/kernels.hpp"
#include "ops/scratch.hpp"
#include "rorqual/error.hpp"
#include "rorqual/ops.hpp"

namespace rorqual::ops {

/// Who carries dense products with f32 weights and many rows of x (prefill). `own` sums in the canonical order; the order of the
/// libraries depends on the number of rows, so that pieces of a prompt no longer give the bits of the whole. Figures: docs/decisions/0002.
enum class Gemm { own,
                  onednn,
                  eigen };

/// Was it compiled into this library? A Run that asks for one that was not throws Error(unsupported).
[[nodiscard]] bool has(Gemm gemm) noexcept;

/// A library carries products of this many rows of x or more; fewer stay with own kernels.
inline constexpr std::int64_t library_rows = 16;

/// What one worker computes with: what the body of a parallel_for hands to products.
struct Worker {
    const Kernels& kernels;
    std::span<std::byte> scratch = {};  ///< its own part; empty is enough for plain weights
};

/// What operations need besides their operands: the chosen kernels, the workers, and whether to stop.
struct Run {
    const Kernels& kernels;
    cpu::Workers& workers;
    const cpu::CancelFlag* cancel = nullptr;
    Gemm gemm = Gemm::own;
    bool fast = false;  ///< int8 activations where weights are packed
    Scratch scratch = {};

    /// The same with memory for products with quantised weights.
    [[nodiscard]] Run with(const Scratch& memory) const noexcept { return {kernels, workers, cancel, gemm, fast, memory}; }
    [[nodiscard]] Worker at(std::size_t worker) const noexcept { return {kernels, scratch.of(worker)}; }

    /// body(task, worker) for every task; throws Error(cancelled) if stopped on the way.
    template <class Body>
    void parallel_for(std::int64_t tasks, Body&& body) const {
        if (!workers.parallel_for(tasks, cancel, std::forward<Body>(body))) throw Error(Status::cancelled, "cancelled");
    }
    /// body(first, count, worker) until [0, items) is handed out: long ranges first, then shorter and shorter ones, so that what a worker reads
    /// lies together and all end at about the same time. Throws Error(cancelled) if stopped on the way.
    template <class Body>
    void parallel_ranges(std::int64_t items, const Body& body) const {
        const auto all = static_cast<std::int64_t>(workers.count());
        std::atomic<std::int64_t> next{0};
        parallel_for(std::min(items, all), [&](std::int64_t, std::size_t worker) {
            std::int64_t first = next.load(std::memory_order_relaxed);
            while (first < items && !is_cancelled()) {
                const std::int64_t count = std::max<std::int64_t>(1, (items - first) / (2 * all));
                if (!next.compare_exchange_weak(first, first + count, std::memory_order_relaxed)) continue;
                body(first, count, worker);
                first = next.load(std::memory_order_relaxed);
            }
        });
        if (next.load(std::memory_order_relaxed) < items) throw Error(Status::cancelled, "cancelled");
    }
    [[nodiscard]] bool is_cancelled() const noexcept { return cancel && cancel->load(std::memory_order_relaxed); }
    void check_cancelled() const {
        if (is_cancelled()) throw Error(Status::cancelled, "cancelled");
    }
};

/// The threaded forms of the products: split over rows of W (and blocks of x), same bits for any number of workers. Quantised weights
/// are decoded to f32 in scratch: Error(internal) where that is too small. T = 1 runs matvec kernels, more runs matmul kernels, or oneDNN / Eigen where run.gemm says so, the weights are f32 and x has
/// library_rows or more. Throws Error: cancelled; with a library also unsupported and no_memory.
/// Packed weights meet the int8 form of x where it has one.
void matmul(const Run& run, const WeightView& w, const Input& x, const Rows& y);
void matmul_transposed(const Run& run, const WeightView& w, const ConstRows& x, const Rows& y);

/// y = W·x, one of several products.
struct Product {
    WeightView w;
    Input x;
    Rows y;
};

/// Products of which none needs what another makes: the same bits as one after another. With one token each they share one parallel region;
/// what matters then is that all weights are read by all workers, and small matrices alone are too little work to share.
void matmul(const Run& run, std::span<const Product> products);

/// On the calling thread: what the body of a parallel_for uses. Callers have seen to it that scratch is large enough: decoded_values(w)
/// for matmul, all of w for matmul_transposed.
void matmul(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y);
void matmul_transposed(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y);

/// A packed matrix as its kernels see it.
[[nodiscard]] inline panels::Panels as_panels(const WeightView& w) noexcept { return {w.dtype, w.data, w.rows, w.cols}; }

/// y[t] = W·x[ids[t]], or W·x[t] without ids, for packed W and int8 x: threaded, and on the calling thread with scratch of its own.
void packed_matmul(const Run& run, const WeightView& w, const panels::QuantisedRows& x, const Rows& y);
void packed_matmul(const Worker& worker, const WeightView& w, const panels::QuantisedRows& x, const std::int32_t* ids, const Rows& y);

/// y[t] = Σ_n x[t,n]·W[n] for W in panels of int8, on the calling thread with scratch of its own. `next` is what it will read then: fetched meanwhile.
void packed_matmul_transposed(const Worker& worker, const WeightView& w, const ConstRows& x, const Rows& y, std::span<const std::byte> next);

/// Row-wise operations split over rows of x.
void rms_norm(const Run& run, const ConstRows& x, std::span<const float> weight, float eps, const Rows& y);
void swiglu(const Run& run, const ConstRows& gate, const ConstRows& up, const Rows& y);

}  // namespace rorqual::ops
