#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>
#include <string>

#include "ops/check.hpp"
#include "rorqual/ops.hpp"

namespace rorqual {
namespace {

/// Index of the frequency that turns `rotations` times within the trained context. YaRN, §3.2, solved for the index.
double yarn_index(double rotations, double dim, double base, double original_positions) {
    return dim * std::log(original_positions / (2 * std::numbers::pi * rotations)) / (2 * std::log(base));
}

/// 1 / base^(2i/dim), each step rounded to f32 as torch does it.
float plain_frequency(std::int64_t i, std::int64_t dim, double base, float factor) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
    return 1.0F / (factor * static_cast<float>(std::pow(base, static_cast<double>(exponent))));
}

void check_scaling(const YarnScaling& s) {
    const auto positive = [](double value, const char* what) {
        if (!(value > 0) || !std::isfinite(value)) {
            throw Error(Status::invalid_argument, std::string("rope: ") + what + " is " + std::to_string(value) + ", expected a positive number");
        }
    };
    positive(s.factor, "factor");
    positive(s.original_positions, "original_positions");
    positive(s.beta_fast, "beta_fast");
    positive(s.beta_slow, "beta_slow");
}

}  // namespace

double YarnScaling::g(double s, double m) noexcept { return s > 1 ? 0.1 * m * std::log(s) + 1 : 1; }

double YarnScaling::amplitude() const noexcept {
    if (mscale != 0 && mscale_all_dim != 0) return g(factor, mscale) / g(factor, mscale_all_dim);
    return g(factor, 1);
}

double YarnScaling::softmax_factor() const noexcept {
    if (mscale_all_dim == 0) return 1;
    const double scale = g(factor, mscale_all_dim);
    return scale * scale;
}

Rope::Rope(std::int64_t dim, double base, const YarnScaling& scaling) {
    if (dim < 0 || dim % 2 != 0 || dim > 1 << 20) {
        throw Error(Status::invalid_argument, "rope: dim is " + std::to_string(dim) + ", expected an even number up to " + std::to_string(1 << 20));
    }
    if (!(base > 1) || !std::isfinite(base)) {
        throw Error(Status::invalid_argument, "rope: base is " + std::to_string(base) + ", expected a number above 1");
    }
    check_scaling(scaling);
    frequencies_.resize(static_cast<std::size_t>(dim / 2));
    if (scaling.factor == 1) {
        for (std::int64_t i = 0; i < dim / 2; ++i) frequencies_[static_cast<std::size_t>(i)] = plain_frequency(i, dim, base, 1);
        return;
    }
    // YaRN, eq. (23): frequencies that turn often within the trained context stay, slow ones are divided by s, a ramp between.
    const auto d = static_cast<double>(dim);
    const double low = std::max(std::floor(yarn_index(scaling.beta_fast, d, base, scaling.original_positions)), 0.0);
    double high = std::min(std::ceil(yarn_index(scaling.beta_slow, d, base, scaling.original_positions)), d - 1);
    if (low == high) high += 0.001;  // as the reference does, to divide by something
    for (std::int64_t i = 0; i < dim / 2; ++i) {
        const float slow = std::clamp((static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low), 0.0F, 1.0F);
        const float kept = 1.0F - slow;
        const float stretched = plain_frequency(i, dim, base, static_cast<float>(scaling.factor));
        frequencies_[static_cast<std::size_t>(i)] = stretched * (1.0F - kept) + plain_frequency(i, dim, base, 1) * kept;
    }
    amplitude_ = static_cast<float>(scaling.amplitude());
}

void Rope::angles(std::int64_t first, Rows cos, Rows sin) const {
    const auto half = static_cast<std::int64_t>(frequencies_.size());
    ops::check_rows("cos", cos);
    ops::check_rows("sin", sin);
    ops::check_size("cos: columns", cos.cols, half);
    ops::check_size("sin: columns", sin.cols, half);
    ops::check_size("sin: rows", sin.rows, cos.rows);
    if (first < 0 || first > INT64_MAX - cos.rows) {
        throw Error(Status::invalid_argument, "first: " + std::to_string(first) + " is no position");
    }
    for (std::int64_t t = 0; t < cos.rows; ++t) {
        const auto position = static_cast<float>(first + t);
        for (std::int64_t i = 0; i < half; ++i) {
            // The product rounded to f32, then cos and sin of exactly that value: f64 keeps them within half a unit of it.
            const double angle = position * frequencies_[static_cast<std::size_t>(i)];
            cos.data[t * cos.stride + i] = static_cast<float>(std::cos(angle)) * amplitude_;
            sin.data[t * sin.stride + i] = static_cast<float>(std::sin(angle)) * amplitude_;
        }
    }
}

namespace ops {

void rope(ConstRows cos, ConstRows sin, RopePairs pairs, std::int64_t heads, std::int64_t head_stride, std::int64_t offset, Rows x) {
    const std::int64_t half = cos.cols;
    check_rows("cos", cos);
    check_rows("sin", sin);
    check_rows("x", x);
    check_size("sin: rows", sin.rows, cos.rows);
    check_size("sin: columns", sin.cols, half);
    check_size("x: rows", x.rows, cos.rows);
    if (heads < 0 || head_stride < 0 || offset < 0 || (heads > 0 && (head_stride > x.cols / heads || half > head_stride / 2 || offset > head_stride - 2 * half))) {
        throw Error(Status::invalid_argument, "x: " + std::to_string(heads) + " heads of " + std::to_string(head_stride) + " columns with " +
                                                  std::to_string(2 * half) + " rotated ones from " + std::to_string(offset) + " do not fit in " +
                                                  std::to_string(x.cols) + " columns");
    }
    // The distance of a pair's two elements, and of neighbouring pairs.
    const std::int64_t apart = pairs == RopePairs::adjacent ? 1 : half;
    const std::int64_t step = pairs == RopePairs::adjacent ? 2 : 1;
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const float* c = cos.data + t * cos.stride;
        const float* s = sin.data + t * sin.stride;
        for (std::int64_t h = 0; h < heads; ++h) {
            float* head = x.data + t * x.stride + h * head_stride + offset;
            for (std::int64_t i = 0; i < half; ++i) {
                float& re = head[i * step];
                float& im = head[i * step + apart];
                const float a = re, b = im;
                re = a * c[i] - b * s[i];
                im = a * s[i] + b * c[i];
            }
        }
    }
}

}  // namespace ops
}  // namespace rorqual
