// The packed product in plain loops: the contract in code, and the truth the vector kernels are compared with.
#include <algorithm>
#include <cmath>

#include "panels/kernels.hpp"
#include "panels/row_of_super.hpp"

namespace rorqual::panels {
namespace {

float super_scale(const RowOfSuper& row, const std::int8_t* q, const std::int16_t* sums, float dx, float acc) {
    std::int64_t s = 0, m = 0;
    for (int g = 0; g < 2 * row.blocks; ++g) {
        std::int64_t isum = 0;
        for (int k = 16 * g; k < 16 * (g + 1); ++k) isum += row.code(k) * q[k];
        s += row.scale(g) * isum;
        m += row.min(g) * sums[g];
    }
    acc = std::fma(static_cast<float>(s), row.d() * dx, acc);
    if (row.f.header == Header::scale_min_6 || row.f.header == Header::scale_min_4) {
        acc = std::fma(-static_cast<float>(m), row.dmin() * dx, acc);
    }
    return acc;
}

float block_scales(const RowOfSuper& row, const std::int8_t* q, const std::int16_t* sums, float dx, float acc) {
    float a = 0;
    for (int b = 0; b < row.blocks; ++b) {
        std::int32_t isum = 0;
        for (int k = 32 * b; k < 32 * (b + 1); ++k) isum += row.code(k) * q[k];
        a = std::fma(static_cast<float>(isum), row.block_scale(b), a);
        if (row.f.header == Header::half_min) a = std::fma(row.block_min(b), static_cast<float>(sums[2 * b] + sums[2 * b + 1]), a);
    }
    return std::fma(a, dx, acc);
}

}  // namespace

void product_portable(const Panels& w, const QuantisedRows& x, const std::int32_t* ids, const Rows& y, std::byte*) {
    const PanelFormat& f = *panel_format(w.format);
    for (std::int64_t t = 0; t < y.rows; ++t) {
        const std::int64_t row_x = ids ? ids[t] : t;
        for (std::int64_t n = 0; n < w.rows; ++n) {
            const std::byte* super = w.data + n / panel_rows * w.panel_bytes();
            float acc = 0;
            for (std::int64_t k = 0; k < w.cols; k += super_k) {
                const RowOfSuper row{f, super, std::min<std::int64_t>(8, (w.cols - k) / block_k), static_cast<int>(n % panel_rows)};
                const std::int8_t* q = x.q + row_x * x.cols + k;
                const std::int16_t* sums = x.sums + (row_x * x.cols + k) / 16;
                const float dx = x.scale[row_x * x.supers() + k / super_k];
                acc = f.has_super_scale() ? super_scale(row, q, sums, dx, acc) : block_scales(row, q, sums, dx, acc);
                super += f.super_bytes(row.blocks);
            }
            y.row(t)[static_cast<std::size_t>(n)] = acc;
        }
    }
}

void quantise_portable(const ConstRows& x, std::int64_t first, std::int64_t count, const QuantisedRows& to) {
    for (std::int64_t t = first; t < first + count; ++t) {
        for (std::int64_t k0 = 0; k0 < x.cols; k0 += super_k) {
            const std::int64_t k1 = std::min(k0 + super_k, x.cols);
            const float* v = x.row(t).data();
            float largest = 0;
            bool finite = true;
            for (std::int64_t k = k0; k < k1; ++k) {
                largest = std::max(largest, std::fabs(v[k]));
                finite = finite && std::isfinite(v[k]);
            }
            const float scale = finite ? largest / 127.0f : NAN;
            const float inverse = finite && largest > 0 ? 127.0f / largest : 0.0f;
            to.scale[t * to.supers() + k0 / super_k] = scale;
            for (std::int64_t k = k0; k < k1; k += 16) {
                int sum = 0;
                for (std::int64_t i = k; i < k + 16; ++i) {
                    const float scaled = finite ? std::nearbyint(v[i] * inverse) : 0.0f;
                    const auto q = static_cast<std::int8_t>(std::clamp(scaled, -127.0f, 127.0f));
                    to.q[t * to.cols + i] = q;
                    sum += q;
                }
                to.sums[(t * to.cols + k) / 16] = static_cast<std::int16_t>(sum);
            }
            for (std::int64_t b = (t * to.cols + k0) / block_k; b < (t * to.cols + k1) / block_k; ++b) {
                to.block_sums[b] = static_cast<std::int16_t>(to.sums[2 * b] + to.sums[2 * b + 1]);
            }
        }
    }
}

void transposed_product_portable(const Panels& w, const ConstRows& x, const Rows& y, std::span<const std::byte>, std::byte*) {
    const PanelFormat& f = *panel_format(w.format);
    float scaled[transposed_rows];
    std::int32_t q[transposed_rows];
    for (std::int64_t t = 0; t < y.rows; ++t) {
        for (std::int64_t k0 = 0; k0 < w.cols; k0 += super_k) {
            const auto row = [&](std::int64_t n) {
                return RowOfSuper{f, w.data + n / panel_rows * w.panel_bytes() + k0 / super_k * f.super_bytes(8), 8, static_cast<int>(n % panel_rows)};
            };
            float largest = 0;
            bool finite = true;
            for (std::int64_t n = 0; n < w.rows; ++n) {
                scaled[n] = x.data[t * x.stride + n] * row(n).d();
                largest = std::max(largest, std::fabs(scaled[n]));
                finite = finite && std::isfinite(scaled[n]);
            }
            const float scale = finite ? largest / 32767 : NAN, inverse = finite && largest > 0x1p-110f ? 32767 / largest : 0;
            for (std::int64_t n = 0; n < w.rows; ++n) q[n] = finite ? static_cast<std::int32_t>(std::nearbyint(scaled[n] * inverse)) : 0;
            for (std::int64_t k = k0; k < std::min(k0 + super_k, w.cols); ++k) {
                std::int32_t sum = 0;
                for (std::int64_t n = 0; n < w.rows; ++n) sum += q[n] * row(n).code(static_cast<int>(k - k0));
                y.data[t * y.stride + k] = static_cast<float>(sum) * scale;
            }
        }
    }
}

}  // namespace rorqual::panels
