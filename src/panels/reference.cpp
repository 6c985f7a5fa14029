// The packed product in plain loops: the contract in code, and the truth the vector kernels are compared with.
#include <algorithm>
#include <cmath>

#include "panels/formats.hpp"
#include "panels/kernels.hpp"
#include "quant/block_reader.hpp"
#include "quant/codebooks.hpp"
#include "quant/float8.hpp"

namespace rorqual::panels {
namespace {

using namespace quant;

/// One row of one super-block.
struct RowOfSuper {
    const PanelFormat& f;
    const std::byte* header;
    std::int64_t blocks;
    int r;

    [[nodiscard]] int code(int k) const {
        const int quad = k % 32 / 4, lane = 4 * r + k % 4;
        const std::byte* plane = header + f.header_bytes(blocks) + k / 32 * f.code_bytes();
        if (f.bits8) return byte_at(plane, 64 * quad + lane) - f.offset;
        int value = 0, shift = 0;
        if (f.bits4) {
            value = byte_at(plane, 64 * (quad / 2) + lane) >> (4 * (quad % 2)) & 15;
            shift = 4;
            plane += 4 * line_bytes;
        }
        if (f.bits2) {
            value |= (byte_at(plane, 64 * (quad / 4) + lane) >> (2 * (quad % 4)) & 3) << shift;
            shift += 2;
            plane += 2 * line_bytes;
        }
        if (f.bits1) value |= (byte_at(plane, lane) >> quad & 1) << shift;
        if (f.codes == Codes::iq4) return iq4_values[static_cast<std::size_t>(value)];
        if (f.codes == Codes::e2m1) return e2m1_doubled[static_cast<std::size_t>(value)];
        return value - f.offset;
    }
    [[nodiscard]] int six_bits(int pair, bool second) const {  // the scale_min_6 and scale_6 headers
        const std::uint8_t low = byte_at(header + 64, 16 * pair + r);
        const int high = byte_at(header + 192, 16 * (pair / 2) + r) >> (4 * (pair % 2));
        return second ? high_nibble(low) | (high >> 2 & 3) << 4 : low_nibble(low) | (high & 3) << 4;
    }
    [[nodiscard]] int scale(int group16) const {
        switch (f.header) {
            case Header::scale_min_6: return six_bits(group16 / 2, false);
            case Header::scale_6: return six_bits(group16 / 2, group16 % 2 != 0) - 32;
            case Header::scale_min_4: return low_nibble(byte_at(header + 64, 16 * group16 + r));
            case Header::scale_8x16: return signed_at(header + 64, 16 * group16 + r);
            case Header::scale_8x8: return signed_at(header + 64, 16 * (group16 / 2) + r);
            default: return 0;
        }
    }
    [[nodiscard]] int min(int group16) const {
        if (f.header == Header::scale_min_6) return six_bits(group16 / 2, true);
        if (f.header == Header::scale_min_4) return high_nibble(byte_at(header + 64, 16 * group16 + r));
        return 0;
    }
    [[nodiscard]] float block_scale(int b) const {
        if (f.header == Header::exponent) return 0.5f * f8_e8m0_values[byte_at(header, 16 * b + r)];
        return half_at(header + (f.header == Header::half ? 32 : 64) * b + 2 * r);
    }
    [[nodiscard]] float block_min(int b) const { return half_at(header + 64 * b + 32 + 2 * r); }
};

float super_scale(const RowOfSuper& row, const std::int8_t* q, const std::int16_t* sums, float dx, float acc) {
    std::int64_t s = 0, m = 0;
    for (int g = 0; g < 16; ++g) {
        std::int64_t isum = 0;
        for (int k = 16 * g; k < 16 * (g + 1); ++k) isum += row.code(k) * q[k];
        s += row.scale(g) * isum;
        m += row.min(g) * sums[g];
    }
    acc = std::fma(static_cast<float>(s), half_at(row.header + 2 * row.r) * dx, acc);
    if (row.f.header == Header::scale_min_6 || row.f.header == Header::scale_min_4) {
        acc = std::fma(-static_cast<float>(m), half_at(row.header + 32 + 2 * row.r) * dx, acc);
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
        }
    }
}

}  // namespace rorqual::panels
