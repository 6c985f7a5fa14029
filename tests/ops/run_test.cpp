#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <iterator>
#include <memory>
#include <vector>

#include "operands.hpp"
#include "ops/run.hpp"
#include "support/outcome.hpp"
#include "tolerance.hpp"

using namespace rorqual;
using cpu::Workers;
using test::Matrix;
using test::Shape;
using test::Values;
using test::Weights;

namespace {

class Backwards : public Executor {
 public:
    [[nodiscard]] std::size_t concurrency() const noexcept override { return 4; }
    void run(std::size_t count, void (*body)(void*, std::size_t), void* context) override {
        for (std::size_t i = count; i-- > 0;) body(context, i);
    }
};

/// `compute(workers, y)` gives the same bits with any workers.
template <class Compute>
void same_for_any_workers(std::int64_t rows, std::int64_t cols, Compute compute) {
    Matrix alone(rows, cols, 1);
    compute(*Workers::caller(), alone.view());
    for (const std::size_t threads : {2, 3, 7}) {
        Matrix y(rows, cols, 1);
        compute(*Workers::pool(threads), y.view());
        CAPTURE(threads);
        CHECK(y.bits() == alone.bits());
        CHECK(y.gaps_untouched());
    }
    Backwards executor;
    Matrix y(rows, cols, 1);
    compute(*Workers::on(executor), y.view());
    CHECK(y.bits() == alone.bits());
}

}  // namespace

TEST_CASE("products have the same bits for 1, 2, 3 and 7 threads and on a host's executor, and those of the kernel alone", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    for (const DType format : {DType::f32, DType::f16, DType::bf16}) {
        for (const Shape s : {Shape{1, 1, 1}, {1, 1000, 300}, {1, 37, 9000}, {0, 40, 8}, {5, 0, 8}, {5, 70, 0}, {3, 129, 65}, {200, 67, 130}, {97, 300, 33}}) {
            CAPTURE(name(format), s);
            Values values(31);
            const Weights w(format, s.n, s.k, values.take(s.n * s.k), 1);
            Matrix x(s.t, s.k, 2, values);
            same_for_any_workers(s.t, s.n, [&](Workers& workers, const Rows& y) { ops::matmul(ops::Run{kernels, workers}, w.view(), x.view(), y); });
            Matrix whole(s.t, s.n), parts(s.t, s.n);
            ops::matmul(ops::Worker{kernels}, w.view(), x.view(), whole.view());
            ops::matmul(ops::Run{kernels, *Workers::pool(2)}, w.view(), x.view(), parts.view());
            CHECK(whole.bits() == parts.bits());

            Matrix z(s.t, s.n, 1, values);
            same_for_any_workers(s.t, s.k, [&](Workers& workers, const Rows& y) { ops::matmul_transposed(ops::Run{kernels, workers}, w.view(), z.view(), y); });
        }
    }
}

TEST_CASE("ranges of a region hold every item once, and are long at first and short at last, for any workers", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    for (const std::size_t threads : {1, 2, 3, 7}) {
        const auto workers = Workers::pool(threads);
        for (const std::int64_t items : {0, 1, 2, 3, 13, 100, 4096}) {
            CAPTURE(threads, items);
            std::vector<std::atomic<int>> times(static_cast<std::size_t>(items));
            std::vector<std::atomic<std::int64_t>> length(static_cast<std::size_t>(items));  // of the range that begins there
            std::atomic<bool> strange{false};
            ops::Run{kernels, *workers}.parallel_ranges(items, [&](std::int64_t first, std::int64_t count, std::size_t worker) {
                if (first < 0 || count < 1 || first + count > items || worker >= threads) return strange.store(true);
                length[static_cast<std::size_t>(first)] = count;
                for (std::int64_t i = first; i < first + count; ++i) ++times[static_cast<std::size_t>(i)];
            });
            CHECK_FALSE(strange);
            CHECK(std::ranges::all_of(times, [](const auto& n) { return n == 1; }));
            std::vector<std::int64_t> lengths;
            std::ranges::copy_if(length, std::back_inserter(lengths), [](std::int64_t n) { return n > 0; });
            CHECK(std::ranges::is_sorted(lengths, std::greater{}));
            if (items > 0) CHECK(lengths.front() == std::max<std::int64_t>(1, items / (2 * static_cast<std::int64_t>(threads))));
            if (items > 0) CHECK(lengths.back() == 1);
        }
    }
}

TEST_CASE("a region of ranges that is cancelled midway hands out no more and ends with Error(cancelled)", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    for (const std::size_t threads : {1, 2}) {
        const auto workers = Workers::pool(threads);
        cpu::CancelFlag cancel{0};
        std::atomic<std::int64_t> done{0};
        const auto outcome = test::outcome_of([&] {
            ops::Run{kernels, *workers, &cancel}.parallel_ranges(1000, [&](std::int64_t, std::int64_t count, std::size_t) {
                cancel = 1;
                done += count;
            });
        });
        CHECK(outcome.status == Status::cancelled);
        CHECK(done > 0);
        CHECK(done < 1000);
    }
}

TEST_CASE("products of one token that share a region have the bits of one after another, for any workers", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    Values values(53);
    const std::int64_t k = 900, rows[] = {1, 700, 3, 64};
    const Weights first(DType::f32, rows[0], k, values.take(rows[0] * k)), second(DType::bf16, rows[1], k, values.take(rows[1] * k)),
        third(DType::f16, rows[2], k, values.take(rows[2] * k)), fourth(DType::f32, rows[3], k, values.take(rows[3] * k));
    const WeightView w[] = {first.view(), second.view(), third.view(), fourth.view()};
    Matrix x(1, k, 0, values), apart(1, 768);
    for (std::int64_t i = 0, at = 0; i < 4; at += rows[i++]) ops::matmul(ops::Worker{kernels}, w[i], x.view(), apart.view().slice_cols(at, rows[i]));
    same_for_any_workers(1, 768, [&](Workers& workers, const Rows& y) {
        std::vector<ops::Product> products;
        for (std::int64_t i = 0, at = 0; i < 4; at += rows[i++]) products.push_back({w[i], x.view(), y.slice_cols(at, rows[i])});
        ops::matmul(ops::Run{kernels, workers}, products);
        for (std::int64_t i = 0; i < 768; ++i) REQUIRE(y.row(0)[i] == apart.view().row(0)[i]);
    });
}

TEST_CASE("a prompt in pieces has the bits of the whole", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::pool(2);
    const ops::Run run{kernels, *workers};
    Values values(37);
    const std::int64_t tokens = 120, n = 45, k = 700;
    const Weights w(DType::bf16, n, k, values.take(n * k));
    Matrix x(tokens, k, 0, values), whole(tokens, n);
    ops::matmul(run, w.view(), x.view(), whole.view());
    for (const std::int64_t piece : {1, 2, 3, 5, 7, 16, 50, 119}) {
        CAPTURE(piece);
        Matrix y(tokens, n);
        for (std::int64_t t = 0; t < tokens; t += piece) {
            const std::int64_t count = std::min(piece, tokens - t);
            ops::matmul(run, w.view(), x.view().slice_rows(t, count), y.view().slice_rows(t, count));
        }
        CHECK(y.bits() == whole.bits());
    }
}

TEST_CASE("row-wise operations have the same bits for any workers", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    for (const std::int64_t rows : {0, 1, 100, 3000}) {
        Values values(41);
        Matrix a(rows, 65, 1, values), b(rows, 65, 0, values);
        const auto weight = values.take(65);
        same_for_any_workers(rows, 65, [&](Workers& workers, const Rows& y) { ops::rms_norm({kernels, workers}, a.view(), weight, 1e-6F, y); });
        same_for_any_workers(rows, 65, [&](Workers& workers, const Rows& y) { ops::swiglu({kernels, workers}, a.view(), b.view(), y); });
    }
}

TEST_CASE("a raised cancel leaves every threaded operation with Error(cancelled)", "[ops][run]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::pool(2);
    cpu::CancelFlag cancel{1};
    const ops::Run run{kernels, *workers, &cancel};
    Values values(43);
    const Weights w(DType::f32, 8, 8, values.take(64));
    Matrix x(8, 8, 0, values), y(8, 8);
    const auto weight = values.take(8);
    CHECK(test::outcome_of([&] { ops::matmul(run, w.view(), x.view(), y.view()); }).status == Status::cancelled);
    CHECK(test::outcome_of([&] { ops::matmul_transposed(run, w.view(), x.view(), y.view()); }).status == Status::cancelled);
    CHECK(test::outcome_of([&] { ops::rms_norm(run, x.view(), weight, 0, y.view()); }).status == Status::cancelled);
    CHECK(test::outcome_of([&] { ops::swiglu(run, x.view(), x.view(), y.view()); }).status == Status::cancelled);
    CHECK(test::outcome_of([&] { run.check_cancelled(); }).status == Status::cancelled);
    cancel = 0;
    CHECK(test::outcome_of([&] { ops::matmul(run, w.view(), x.view(), y.view()); }).ok());
}

TEST_CASE("a library that carries products agrees with own kernels, and leaves few rows and small formats to them", "[ops][run][libraries]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::pool(3);
    const auto alone = Workers::caller();
    for (const ops::Gemm gemm : {ops::Gemm::onednn, ops::Gemm::eigen}) {
        if (!has(gemm)) continue;
        for (const DType format : {DType::f32, DType::bf16}) {
            for (const Shape s : {Shape{16, 1, 1}, {17, 300, 129}, {33, 70, 0}, {40, 0, 9}, {600, 19, 31}, {15, 20, 40}}) {
                CAPTURE(static_cast<int>(gemm), name(format), s);
                Values values(53);
                const Weights w(format, s.n, s.k, values.take(s.n * s.k));
                Matrix x(s.t, s.k, 3, values), y(s.t, s.n, 2), own(s.t, s.n), again(s.t, s.n, 2);
                ops::matmul(ops::Run{kernels, *workers, nullptr, gemm}, w.view(), x.view(), y.view());
                ops::matmul(ops::Run{kernels, *alone, nullptr, gemm}, w.view(), x.view(), again.view());
                ops::matmul(ops::Run{kernels, *workers}, w.view(), x.view(), own.view());
                CHECK(y.gaps_untouched());
                CHECK(again.bits() == y.bits());
                if (format != DType::f32 || s.t < ops::library_rows || s.k == 0) CHECK(y.bits() == own.bits());
                double worst = 0;
                for (std::int64_t t = 0; t < s.t; ++t) {
                    for (std::int64_t n = 0; n < s.n; ++n) worst = std::max<double>(worst, std::abs(y.at(t, n) - own.at(t, n)));
                }
                CHECK(worst <= 2 * tolerance::f32_dot(s.k) * static_cast<double>(s.k));  // |x·w| ≤ 1
            }
        }
    }
}

TEST_CASE("weights that are not aligned to their size stay with own kernels", "[ops][run][libraries]") {
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::caller();
    Values values(59);
    const Weights w(DType::f32, 9, 50, values.take(450), 1);
    Matrix x(20, 50, 0, values), y(20, 9), own(20, 9);
    ops::matmul(ops::Run{kernels, *workers, nullptr, ops::Gemm::eigen}, w.view(), x.view(), y.view());
    ops::matmul(ops::Run{kernels, *workers}, w.view(), x.view(), own.view());
    CHECK(y.bits() == own.bits());
}

TEST_CASE("asking for a library that was not compiled is unsupported", "[ops][run][libraries]") {
    CHECK(has(ops::Gemm::own));
    CHECK(has(ops::Gemm::eigen));
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::caller();
    Matrix x(16, 4), y(16, 4);
    const std::vector<float> w(16);
    const auto outcome = test::outcome_of([&] { ops::matmul(ops::Run{kernels, *workers, nullptr, ops::Gemm::onednn}, weight_view({w.data(), 4, 4}), x.view(), y.view()); });
    CHECK(outcome.status == (has(ops::Gemm::onednn) ? Status::ok : Status::unsupported));
}

#if defined(__GNUC__) && !defined(_WIN32)
// OpenMP by name, as the library reaches it: here only if oneDNN brought it into the process.
extern "C" {
int omp_get_max_threads() __attribute__((weak));
void omp_set_num_threads(int) __attribute__((weak));
}

TEST_CASE("oneDNN runs on the calling thread and leaves its OpenMP setting as it was", "[ops][run][libraries]") {
    if (!has(ops::Gemm::onednn) || !omp_get_max_threads) return;
    const ops::Kernels kernels = ops::choose(cpu::detect());
    const auto workers = Workers::caller();
    Values values(61);
    const auto w = values.take(64 * 64);
    Matrix x(64, 64, 0, values), y(64, 64);
    const int before = omp_get_max_threads();
    omp_set_num_threads(5);
    ops::matmul(ops::Run{kernels, *workers, nullptr, ops::Gemm::onednn}, weight_view({w.data(), 64, 64}), x.view(), y.view());
    CHECK(omp_get_max_threads() == 5);
    omp_set_num_threads(before);
}
#endif
