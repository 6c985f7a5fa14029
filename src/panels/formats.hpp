#pragma once

#include <cstdint>

#include "panels/layout.hpp"

namespace rorqual::panels {

/// How a super-block's header says what its codes are worth.
enum class Header : std::uint8_t {
    scale_min_6,  ///< d, dmin f16[16]; 8 blocks of six-bit scales and minima                          (Q4_K, Q5_K)
    scale_min_4,  ///< d, dmin f16[16]; 16 groups of 16: low nibble scale, high nibble minimum          (Q2_K)
    scale_6,      ///< d f16[16], pad; 16 groups of six-bit scales, biased by 32                        (Q3_K)
    scale_8x16,   ///< d f16[16], pad; 16 groups of i8 scales                                           (Q6_K)
    scale_8x8,    ///< d f16[16], pad; 8 blocks of i8 scales                                            (IQ4_XS)
    half,         ///< f16[16] a block                                                                  (Q4_0, Q5_0, Q8_0, IQ4_NL)
    half_min,     ///< f16[16] scale and f16[16] minimum a block                                        (Q4_1, Q5_1)
    exponent,     ///< e8m0[16] a block                                                                 (MXFP4)
    row,          ///< d f32[16], the only scale                                                        (i8: what the engine quantises itself)
};

/// What a code stands for before scaling.
enum class Codes : std::uint8_t {
    linear,  ///< code − offset
    iq4,     ///< the IQ4 table
    e2m1,    ///< doubled FP4 values; the scale is halved
};

/// Everything pack and the kernels need to know of a format; the table is in formats.inc.
struct PanelFormat {
    DType format;
    Header header;
    Codes codes;
    int bits4, bits2, bits1, bits8;  ///< planes a block has: 0 or 1 of each
    int offset;                      ///< subtracted from a linear code

    [[nodiscard]] constexpr std::int64_t code_bytes() const noexcept { return line_bytes * (4 * bits4 + 2 * bits2 + bits1 + 8 * bits8); }
    [[nodiscard]] constexpr bool has_super_scale() const noexcept {
        return header != Header::half && header != Header::half_min && header != Header::exponent;
    }
    [[nodiscard]] constexpr std::int64_t header_bytes(std::int64_t blocks) const noexcept {
        switch (header) {
            case Header::scale_min_6: return 256;
            case Header::scale_min_4: return 320;
            case Header::scale_6: return 256;
            case Header::scale_8x16: return 320;
            case Header::scale_8x8: return 192;
            case Header::half: return (32 * blocks + 63) / 64 * 64;
            case Header::half_min: return 64 * blocks;
            case Header::exponent: return (16 * blocks + 63) / 64 * 64;
            case Header::row: return 64;
        }
        return 0;
    }
    [[nodiscard]] constexpr std::int64_t super_bytes(std::int64_t blocks) const noexcept { return header_bytes(blocks) + blocks * code_bytes(); }
};

inline constexpr PanelFormat panel_formats[] = {
#define RQ_PANEL(format, header, codes, b4, b2, b1, b8, offset) {DType::format, Header::header, Codes::codes, b4, b2, b1, b8, offset},
#include "panels/formats.inc"
#undef RQ_PANEL
};

/// nullptr if the format has no packed layout.
[[nodiscard]] constexpr const PanelFormat* panel_format(DType format) noexcept {
    for (const auto& candidate : panel_formats) {
        if (candidate.format == format) return &candidate;
    }
    return nullptr;
}

}  // namespace rorqual::panels
