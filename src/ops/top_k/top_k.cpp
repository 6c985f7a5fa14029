#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "ops/check.hpp"
#include "rorqual/ops.hpp"

namespace rorqual::ops {
namespace {

constexpr float least = -std::numeric_limits<float>::infinity();

float counted(float value) { return std::isnan(value) ? least : value; }

/// A heap of the k best so far, worst on top, in the output itself: O(cols · log k) and no memory.
void top_k_of_row(std::span<const float> row, std::span<std::int32_t> best) {
    const auto better = [&](std::int32_t a, std::int32_t b) {
        const float x = counted(row[static_cast<std::size_t>(a)]), y = counted(row[static_cast<std::size_t>(b)]);
        return x > y || (x == y && a < b);
    };
    std::iota(best.begin(), best.end(), 0);
    std::make_heap(best.begin(), best.end(), better);
    for (std::size_t i = best.size(); i < row.size(); ++i) {
        const auto candidate = static_cast<std::int32_t>(i);
        if (!better(candidate, best.front())) continue;
        std::pop_heap(best.begin(), best.end(), better);
        best.back() = candidate;
        std::push_heap(best.begin(), best.end(), better);
    }
    std::sort_heap(best.begin(), best.end(), better);
}

}  // namespace

void top_k(ConstRows x, std::int64_t k, std::span<std::int32_t> ids, std::span<float> values) {
    check_rows("x", x);
    if (x.cols > std::numeric_limits<std::int32_t>::max()) {
        throw Error(Status::invalid_argument, "x: " + std::to_string(x.cols) + " columns are more than an id can count");
    }
    if (k < 0 || k > x.cols) {
        throw Error(Status::invalid_argument, "k: " + std::to_string(k) + ", expected 0 to " + std::to_string(x.cols) + ", the columns of x");
    }
    check_size("ids: elements", static_cast<std::int64_t>(ids.size()), x.rows * k);
    if (!values.empty()) check_size("values: elements", static_cast<std::int64_t>(values.size()), x.rows * k);
    if (k == 0) return;
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const auto row = x.row(t);
        const auto best = ids.subspan(static_cast<std::size_t>(t * k), static_cast<std::size_t>(k));
        top_k_of_row(row, best);
        if (values.empty()) continue;
        for (std::size_t i = 0; i < best.size(); ++i) {
            values[static_cast<std::size_t>(t * k) + i] = counted(row[static_cast<std::size_t>(best[i])]);
        }
    }
}

}  // namespace rorqual::ops
