#include "panels/int8_panels.hpp"

#include <algorithm>
#include <cstring>

#include "panels/formats.hpp"

namespace rorqual::panels {
namespace {

constexpr const PanelFormat& format = *panel_format(DType::i8);
constexpr std::int64_t header = format.header_bytes(8);
static_assert(format.code_bytes() == quads * line_bytes, "lines of quads follow one another through a super-block");

}  // namespace

void put_rows(const QuantisedRows& x, std::int64_t first, std::byte* to) {
    const std::int64_t panel = panel_bytes(DType::i8, x.cols);
    for (std::int64_t t = 0; t < x.rows; ++t) {
        const std::int64_t n = first + t, r = n % panel_rows;
        for (std::int64_t s = 0; s < x.supers(); ++s) {
            std::byte* const super = to + n / panel_rows * panel + s * format.super_bytes(8);
            std::memcpy(super + 4 * r, x.scale + t * x.supers() + s, sizeof(float));
            const std::int8_t* const q = x.q + t * x.cols + s * super_k;
            const std::int64_t count = std::min(super_k, x.cols - s * super_k);
            for (std::int64_t k = 0; k < count; k += 4) {
                std::uint32_t four = 0;
                std::memcpy(&four, q + k, sizeof four);
                four ^= 0x8080'8080U;  // q + 128
                std::memcpy(super + header + k / 4 * line_bytes + 4 * r, &four, sizeof four);
            }
        }
    }
}

void take_rows(const Panels& w, std::int64_t first, const QuantisedRows& to) {
    const std::int64_t panel = w.panel_bytes(), end = first + to.rows;
    for (std::int64_t p = first / panel_rows; p * panel_rows < end; ++p) {
        const std::int64_t begin = std::max(first, p * panel_rows), stop = std::min(end, (p + 1) * panel_rows);
        for (std::int64_t s = 0; s < to.supers(); ++s) {
            const std::byte* const super = w.data + p * panel + s * format.super_bytes(8);
            for (std::int64_t n = begin; n < stop; ++n) std::memcpy(to.scale + (n - first) * to.supers() + s, super + 4 * (n % panel_rows), sizeof(float));
            const std::int64_t count = std::min(super_k, to.cols - s * super_k);
            for (std::int64_t k = 0; k < count; k += 4) {  // line by line: a line has four codes of every row
                const std::byte* const line = super + header + k / 4 * line_bytes;
                std::int8_t* q = to.q + (begin - first) * to.cols + s * super_k + k;
                for (std::int64_t n = begin; n < stop; ++n, q += to.cols) {
                    std::uint32_t four = 0;
                    std::memcpy(&four, line + 4 * (n % panel_rows), sizeof four);
                    four ^= 0x8080'8080U;
                    std::memcpy(q, &four, sizeof four);
                }
            }
        }
    }
    for (std::int64_t group = 0; group < to.rows * to.cols / 16; ++group) {
        int sum = 0;
        for (int i = 0; i < 16; ++i) sum += to.q[16 * group + i];
        to.sums[group] = static_cast<std::int16_t>(sum);
    }
    for (std::int64_t b = 0; b < to.rows * to.cols / block_k; ++b) to.block_sums[b] = static_cast<std::int16_t>(to.sums[2 * b] + to.sums[2 * b + 1]);
}

void scales_of(const Panels& w, std::int64_t super, float* to) noexcept {
    const std::int64_t panel = w.panel_bytes();
    const std::byte* scales = w.data + super * format.super_bytes(8);
    for (std::int64_t n = 0; n < w.rows; n += panel_rows, scales += panel) {
        std::memcpy(to + n, scales, sizeof(float) * static_cast<std::size_t>(std::min(panel_rows, w.rows - n)));
    }
}

}  // namespace rorqual::panels
