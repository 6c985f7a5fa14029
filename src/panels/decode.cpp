// Panels back to f32, in the order of operations of quant/<format>/decode.cpp.
#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "panels/eight_codes.hpp"
#include "panels/row_of_super.hpp"

namespace rorqual::panels {
namespace {

/// The 32 codes of a row in one block, as bytes without offset: RowOfSuper::code, eight at a time. `lane` is the row's first byte of the
/// block's first line.
template <const PanelFormat& F>
void take_codes(const std::byte* lane, std::byte* codes) {
    const std::byte* twos = lane + 4 * line_bytes * F.bits4;
    const std::byte* ones = twos + 2 * line_bytes * F.bits2;
    for (int i = 0; i < 4; ++i) {  // quads 2i and 2i + 1
        EightCodes eight_codes = 0;
        const auto both = [](std::uint32_t bits, int shift, int apart, std::uint8_t mask) {
            return (bits >> shift & eight(mask)) | (static_cast<EightCodes>(bits) >> (shift + apart) & eight(mask)) << 32;
        };
        if constexpr (F.bits8) {
            eight_codes = four_at(lane + 2 * line_bytes * i) | static_cast<EightCodes>(four_at(lane + 2 * line_bytes * i + line_bytes)) << 32;
        }
        if constexpr (F.bits4) eight_codes = both(four_at(lane + line_bytes * i), 0, 4, 15);
        if constexpr (F.bits2) eight_codes |= both(four_at(twos + line_bytes * (i / 2)), 4 * (i % 2), 2, 3) << (4 * F.bits4);
        if constexpr (F.bits1) eight_codes |= both(four_at(ones), 2 * i, 1, 1) << (4 * F.bits4 + 2 * F.bits2);
        put_eight(codes + 8 * i, eight_codes);
    }
}

/// What the codes of a format stand for, as f32.
template <const PanelFormat& F>
constexpr std::array<float, 16> table() {
    std::array<float, 16> values{};
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = F.codes == Codes::iq4 ? quant::iq4_values[i] : quant::e2m1_doubled[i];
    return values;
}

template <const PanelFormat& F>
void decode_block(const RowOfSuper& row, int b, float* to) {
    std::array<std::byte, block_k> codes;
    take_codes<F>(row.header + F.header_bytes(row.blocks) + b * F.code_bytes() + 4 * row.r, codes.data());
    std::array<float, block_k> values;
    if constexpr (F.codes == Codes::linear) {
        for (std::size_t k = 0; k < block_k; ++k) values[k] = static_cast<float>(static_cast<int>(codes[k]) - F.offset);
    } else {
        static constexpr auto meanings = table<F>();
        for (std::size_t k = 0; k < block_k; ++k) values[k] = meanings[static_cast<std::size_t>(codes[k])];
    }
    for (int half = 0; half < 2; ++half) {
        const int g = 2 * b + half;
        const float scale = F.has_super_scale() ? row.d() * static_cast<float>(row.scale(g)) : row.block_scale(b);
        const float* v = values.data() + 16 * half;
        float* out = to + 16 * half;
        if constexpr (F.header == Header::scale_min_6 || F.header == Header::scale_min_4) {
            const float min = row.dmin() * static_cast<float>(row.min(g));
            for (int k = 0; k < 16; ++k) out[k] = scale * v[k] - min;
        } else if constexpr (F.header == Header::half_min) {
            const float min = row.block_min(b);
            for (int k = 0; k < 16; ++k) out[k] = scale * v[k] + min;
        } else {
            for (int k = 0; k < 16; ++k) out[k] = scale * v[k];
        }
    }
}

template <int I>
struct Decode {
    static constexpr PanelFormat format = panel_formats[I];

    static void run(const Panels& w, std::int64_t first, std::int64_t count, float* to) {
        const std::int64_t panel = w.panel_bytes();
        for (std::int64_t n = first; n < first + count;) {
            const std::int64_t end = std::min(first + count, (n / panel_rows + 1) * panel_rows);  // of the rows in this panel
            const std::byte* super = w.data + n / panel_rows * panel;
            for (std::int64_t k = 0; k < w.cols; k += super_k) {
                const std::int64_t blocks = std::min<std::int64_t>(8, (w.cols - k) / block_k);
                for (std::int64_t i = n; i < end; ++i) {
                    const RowOfSuper row{format, super, blocks, static_cast<int>(i % panel_rows)};
                    for (int b = 0; b < blocks; ++b) decode_block<format>(row, b, to + (i - first) * w.cols + k + block_k * b);
                }
                super += format.super_bytes(blocks);
            }
            n = end;
        }
    }
};

template <int... I>
void decode_format(std::integer_sequence<int, I...>, const Panels& w, std::int64_t first, std::int64_t count, float* to) {
    static_cast<void>(((w.format == Decode<I>::format.format && (Decode<I>::run(w, first, count, to), true)) || ...));
}

}  // namespace

void decode_rows(const Panels& w, std::int64_t first, std::int64_t count, float* to) {
    decode_format(std::make_integer_sequence<int, static_cast<int>(std::size(panel_formats))>{}, w, first, count, to);
}

}  // namespace rorqual::panels
