#include "quant/scaled_rows.hpp"

#include <algorithm>
#include <cmath>

#include "quant/codebooks.hpp"
#include "quant/float4.hpp"
#include "quant/float8.hpp"

namespace rorqual::quant {
namespace {

constexpr std::uint8_t no_scale = 255;  // NaN

// Code of the smallest power of two that `most` times it is no less than the block's largest magnitude, or than `least`: 2^ceil(log2(largest/most)),
// without the rounding of a logarithm.
std::uint8_t scale_for(std::span<const float> block, float least, float most) noexcept {
    float largest = least;
    for (const float value : block) {
        if (!std::isfinite(value)) return no_scale;
        largest = std::max(largest, std::fabs(value));
    }
    int exponent = 0, exponent_of_most = 0;
    const float fraction = std::frexp(largest, &exponent), fraction_of_most = std::frexp(most, &exponent_of_most);
    return static_cast<std::uint8_t>(127 + exponent - exponent_of_most + (fraction > fraction_of_most ? 1 : 0));
}

// 1/scale, which is exact; nothing where there is no scale.
float inverse(std::uint8_t scale) noexcept { return scale == no_scale ? 0 : f8_e8m0_values[254U - scale]; }

// body(block's number, its values' place in the row, how many) for each block of a row.
template <class Body>
void for_each_block(std::size_t count, std::int64_t width, const Body& body) noexcept {
    const auto block = static_cast<std::size_t>(width);
    for (std::size_t b = 0, first = 0; first < count; ++b, first += block) body(b, first, std::min(block, count - first));
}

}  // namespace

void encode_e4m3_row(std::span<const float> values, std::byte* codes, std::byte* scales) noexcept {
    for_each_block(values.size(), e4m3_row_block, [&](std::size_t b, std::size_t first, std::size_t count) {
        const auto scale = scale_for(values.subspan(first, count), 1e-4F, 448);
        const float by = inverse(scale);
        scales[b] = static_cast<std::byte>(scale);
        for (std::size_t i = first; i < first + count; ++i) codes[i] = static_cast<std::byte>(f8_e4m3_from_f32(values[i] * by));
    });
}

void decode_e4m3_row(const std::byte* codes, const std::byte* scales, std::span<float> values) noexcept {
    for_each_block(values.size(), e4m3_row_block, [&](std::size_t b, std::size_t first, std::size_t count) {
        const float scale = f8_e8m0_values[static_cast<std::uint8_t>(scales[b])];
        for (std::size_t i = first; i < first + count; ++i) values[i] = f8_e4m3_values[static_cast<std::uint8_t>(codes[i])] * scale;
    });
}

void encode_e2m1_row(std::span<const float> values, std::byte* codes, std::byte* scales) noexcept {
    for_each_block(values.size(), e2m1_row_block, [&](std::size_t b, std::size_t first, std::size_t count) {
        const auto scale = scale_for(values.subspan(first, count), 6 * 0x1p-126F, 6);
        const float by = inverse(scale);
        scales[b] = static_cast<std::byte>(scale);
        for (std::size_t i = first; i < first + count; i += 2) {
            codes[i / 2] = static_cast<std::byte>(e2m1_from_f32(values[i] * by) | e2m1_from_f32(values[i + 1] * by) << 4);
        }
    });
}

void decode_e2m1_row(const std::byte* codes, const std::byte* scales, std::span<float> values) noexcept {
    for_each_block(values.size(), e2m1_row_block, [&](std::size_t b, std::size_t first, std::size_t count) {
        const float half = 0.5F * f8_e8m0_values[static_cast<std::uint8_t>(scales[b])];  // the table holds doubled values
        for (std::size_t i = first; i < first + count; i += 2) {
            const auto both = static_cast<std::uint8_t>(codes[i / 2]);
            values[i] = half * static_cast<float>(e2m1_doubled[both & 15U]);
            values[i + 1] = half * static_cast<float>(e2m1_doubled[both >> 4U]);
        }
    });
}

}  // namespace rorqual::quant
