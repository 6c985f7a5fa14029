#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "panels/formats.hpp"
#include "quant/block_reader.hpp"
#include "quant/codebooks.hpp"
#include "quant/float8.hpp"

namespace rorqual::panels {

/// One row of one super-block, field by field: what the layout means, in code.
struct RowOfSuper {
    const PanelFormat& f;
    const std::byte* header;
    std::int64_t blocks;
    int r;

    [[nodiscard]] int code(int k) const {
        const int quad = k % 32 / 4, lane = 4 * r + k % 4;
        const std::byte* plane = header + f.header_bytes(blocks) + k / 32 * f.code_bytes();
        if (f.bits8) return quant::byte_at(plane, 64 * quad + lane) - f.offset;
        int value = 0, shift = 0;
        if (f.bits4) {
            value = quant::byte_at(plane, 64 * (quad / 2) + lane) >> (4 * (quad % 2)) & 15;
            shift = 4;
            plane += 4 * line_bytes;
        }
        if (f.bits2) {
            value |= (quant::byte_at(plane, 64 * (quad / 4) + lane) >> (2 * (quad % 4)) & 3) << shift;
            shift += 2;
            plane += 2 * line_bytes;
        }
        if (f.bits1) value |= (quant::byte_at(plane, lane) >> quad & 1) << shift;
        if (f.codes == Codes::iq4) return quant::iq4_values[static_cast<std::size_t>(value)];
        if (f.codes == Codes::e2m1) return quant::e2m1_doubled[static_cast<std::size_t>(value)];
        return value - f.offset;
    }
    [[nodiscard]] int six_bits(int pair, bool second) const {  // the scale_min_6 and scale_6 headers
        const std::uint8_t low = quant::byte_at(header + 64, 16 * pair + r);
        const int high = quant::byte_at(header + 192, 16 * (pair / 2) + r) >> (4 * (pair % 2));
        return second ? quant::high_nibble(low) | (high >> 2 & 3) << 4 : quant::low_nibble(low) | (high & 3) << 4;
    }
    [[nodiscard]] int scale(int group16) const {
        switch (f.header) {
            case Header::scale_min_6: return six_bits(group16 / 2, false);
            case Header::scale_6: return six_bits(group16 / 2, group16 % 2 != 0) - 32;
            case Header::scale_min_4: return quant::low_nibble(quant::byte_at(header + 64, 16 * group16 + r));
            case Header::scale_8x16: return quant::signed_at(header + 64, 16 * group16 + r);
            case Header::scale_8x8: return quant::signed_at(header + 64, 16 * (group16 / 2) + r);
            case Header::row: return 1;
            default: return 0;
        }
    }
    [[nodiscard]] int min(int group16) const {
        if (f.header == Header::scale_min_6) return six_bits(group16 / 2, true);
        if (f.header == Header::scale_min_4) return quant::high_nibble(quant::byte_at(header + 64, 16 * group16 + r));
        return 0;
    }
    [[nodiscard]] float d() const {
        if (f.header != Header::row) return quant::half_at(header + 2 * r);
        float d = 0;
        std::memcpy(&d, header + 4 * r, sizeof d);
        return d;
    }
    [[nodiscard]] float dmin() const { return quant::half_at(header + 32 + 2 * r); }
    [[nodiscard]] float block_scale(int b) const {
        if (f.header == Header::exponent) return 0.5f * quant::f8_e8m0_values[quant::byte_at(header, 16 * b + r)];
        return quant::half_at(header + (f.header == Header::half ? 32 : 64) * b + 2 * r);
    }
    [[nodiscard]] float block_min(int b) const { return quant::half_at(header + 64 * b + 32 + 2 * r); }
};

}  // namespace rorqual::panels
