// Rearranges rows of file blocks into panels: first a row's super-block is taken apart into plain codes and scales, then the
// parts of 16 rows are laid side by side. Codes are handled eight at a time: weights are packed while a model loads.
#include <algorithm>
#include <array>
#include <cstring>

#include "panels/eight_codes.hpp"
#include "panels/formats.hpp"
#include "panels/layout.hpp"
#include "quant/block_reader.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::panels {
namespace {

using namespace quant;

/// One row's share of a super-block, with every field in a byte or a half of its own.
struct RowSuper {
    std::array<std::byte, 256> code{};
    std::array<std::uint8_t, 16> scale{};  // as stored: biased (Q3_K, IQ4_XS keep theirs), or i8 bits
    std::array<std::uint8_t, 16> min{};
    std::uint16_t d = 0, dmin = 0;                      // f16 bits of formats with a super-block scale
    std::array<std::uint16_t, 8> block_d{}, block_m{};  // f16 bits (or the e8m0 byte) of formats with a scale per 32
};

/// Sixteen bytes whose low nibbles are codes 0–15 of a block and whose high nibbles are 16–31.
void take_nibbles(const std::byte* qs, std::byte* code) {
    for (int i = 0; i < 2; ++i) {
        const EightCodes both = eight_at(qs + 8 * i);
        put_eight(code + 8 * i, both & eight(15));
        put_eight(code + 16 + 8 * i, both >> 4 & eight(15));
    }
}

/// Bit i of the index in byte i.
constexpr auto spread_bits = [] {
    std::array<EightCodes, 256> spread{};
    for (std::size_t bits = 0; bits < 256; ++bits) {
        for (std::size_t i = 0; i < 8; ++i) spread[bits] |= static_cast<EightCodes>(bits >> i & 1) << (8 * i);
    }
    return spread;
}();

/// Bit k of a word is the fifth bit of code k.
void add_fifth_bits(const std::byte* qh, std::byte* code) {
    for (int i = 0; i < 4; ++i) put_eight(code + 8 * i, eight_at(code + 8 * i) | spread_bits[byte_at(qh, i)] << 4);
}

void take_q4_q5_k(const std::byte* block, bool five, RowSuper& row) {
    row.d = u16_at(block);
    row.dmin = u16_at(block + 2);
    const std::byte* qh = block + 16;
    const std::byte* qs = block + (five ? 48 : 16);
    for (int g = 0; g < 8; ++g) {
        const auto [scale, min] = k_scale_min(block + 4, g);
        row.scale[static_cast<std::size_t>(g)] = scale;
        row.min[static_cast<std::size_t>(g)] = min;
    }
    for (int pair = 0; pair < 4; ++pair) {  // of groups, in the nibbles of 32 bytes
        for (int l = 0; l < 32; l += 8) {
            const EightCodes both = eight_at(qs + 32 * pair + l), fifth = five ? eight_at(qh + l) >> (2 * pair) : 0;
            put_eight(row.code.data() + 64 * pair + l, (both & eight(15)) | (fifth & eight(1)) << 4);
            put_eight(row.code.data() + 64 * pair + 32 + l, (both >> 4 & eight(15)) | (fifth >> 1 & eight(1)) << 4);
        }
    }
}

void take_q6_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 208);
    for (int g = 0; g < 16; ++g) row.scale[static_cast<std::size_t>(g)] = byte_at(block + 192, g);
    for (int n = 0; n < 2; ++n) {
        for (int l = 0; l < 32; l += 8) {
            const EightCodes first = eight_at(block + 64 * n + l), second = eight_at(block + 64 * n + 32 + l), high = eight_at(block + 128 + 32 * n + l);
            std::byte* code = row.code.data() + 128 * n + l;
            put_eight(code, (first & eight(15)) | (high & eight(3)) << 4);
            put_eight(code + 32, (second & eight(15)) | (high >> 2 & eight(3)) << 4);
            put_eight(code + 64, (first >> 4 & eight(15)) | (high >> 4 & eight(3)) << 4);
            put_eight(code + 96, (second >> 4 & eight(15)) | (high >> 6 & eight(3)) << 4);
        }
    }
}

/// The low two bits of Q3_K and Q2_K codes, four groups of 32 in 32 bytes; with `hmask` the third bits: bit b of a byte for block b.
void take_two_bits(const std::byte* qs, const std::byte* hmask, RowSuper& row) {
    for (int b = 0; b < 8; ++b) {
        for (int l = 0; l < 32; l += 8) {
            EightCodes codes = eight_at(qs + 32 * (b / 4) + l) >> (2 * (b % 4)) & eight(3);
            if (hmask) codes |= (eight_at(hmask + l) >> b & eight(1)) << 2;
            put_eight(row.code.data() + 32 * b + l, codes);
        }
    }
}

void take_q3_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 108);
    for (int g = 0; g < 16; ++g) {
        const std::uint8_t low = byte_at(block + 96, g % 8);
        const int low4 = g < 8 ? low_nibble(low) : high_nibble(low);
        row.scale[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>(low4 | (byte_at(block + 96, 8 + g % 4) >> (2 * (g / 4)) & 3) << 4);
    }
    take_two_bits(block + 32, block, row);
}

void take_q2_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 80);
    row.dmin = u16_at(block + 82);
    for (int g = 0; g < 16; ++g) row.scale[static_cast<std::size_t>(g)] = byte_at(block, g);
    take_two_bits(block + 16, nullptr, row);
}

void take_iq4_xs(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block);
    const std::uint16_t high = u16_at(block + 2);
    for (int g = 0; g < 8; ++g) {
        const std::uint8_t pair = byte_at(block + 4, g / 2);
        const int low4 = g % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        row.scale[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>((low4 | (high >> (2 * g) & 3) << 4) - 32);
        take_nibbles(block + 8 + 16 * g, row.code.data() + 32 * g);
    }
}

/// Formats with blocks of 32: `block` is the first of `blocks`.
void take_blocks(DType format, const std::byte* block, std::int64_t blocks, RowSuper& row) {
    const std::int64_t stride = block_bytes(format);
    for (std::int64_t b = 0; b < blocks; ++b, block += stride) {
        std::byte* code = row.code.data() + 32 * b;
        const auto i = static_cast<std::size_t>(b);
        row.block_d[i] = format == DType::mxfp4 ? byte_at(block, 0) : u16_at(block);
        switch (format) {
            case DType::q8_0:
                for (int l = 0; l < 32; l += 8) put_eight(code + l, eight_at(block + 2 + l) ^ eight(0x80));  // q + 128
                break;
            case DType::q5_0:
                take_nibbles(block + 6, code);
                add_fifth_bits(block + 2, code);
                break;
            case DType::q5_1:
                row.block_m[i] = u16_at(block + 2);
                take_nibbles(block + 8, code);
                add_fifth_bits(block + 4, code);
                break;
            case DType::q4_1:
                row.block_m[i] = u16_at(block + 2);
                take_nibbles(block + 4, code);
                break;
            case DType::mxfp4: take_nibbles(block + 1, code); break;
            default: take_nibbles(block + 2, code); break;  // q4_0, iq4_nl
        }
    }
}

void take(DType format, const std::byte* super, std::int64_t blocks, RowSuper& row) {
    switch (format) {
        case DType::q4_k: return take_q4_q5_k(super, false, row);
        case DType::q5_k: return take_q4_q5_k(super, true, row);
        case DType::q6_k: return take_q6_k(super, row);
        case DType::q3_k: return take_q3_k(super, row);
        case DType::q2_k: return take_q2_k(super, row);
        case DType::iq4_xs: return take_iq4_xs(super, row);
        default: return take_blocks(format, super, blocks, row);
    }
}

void put_u16(std::byte* to, std::uint16_t value) {
    to[0] = static_cast<std::byte>(value);
    to[1] = static_cast<std::byte>(value >> 8);
}

/// Eight bytes of two numbers below 64 for groups 2b and 2b + 1: four low bits of both in one byte a pair, the high bits of two pairs in another.
void put_six_bits(const std::uint8_t* first, const std::uint8_t* second, std::size_t step, int r, std::byte* to) {
    for (std::size_t pair = 0; pair < 8; ++pair) {
        to[64 + 16 * pair + static_cast<std::size_t>(r)] = static_cast<std::byte>((first[step * pair] & 15) | (second[step * pair] & 15) << 4);
    }
    for (std::size_t two = 0; two < 4; ++two) {
        const auto high = [&](std::size_t pair) { return first[step * pair] >> 4 | second[step * pair] >> 4 << 2; };
        to[192 + 16 * two + static_cast<std::size_t>(r)] = static_cast<std::byte>(high(2 * two) | high(2 * two + 1) << 4);
    }
}

/// Writes row r's share of a header.
void put_header(const PanelFormat& f, const RowSuper& row, int r, std::int64_t blocks, std::byte* to) {
    if (f.has_super_scale()) put_u16(to + 2 * r, row.d);
    switch (f.header) {
        case Header::scale_min_6:
            put_u16(to + 32 + 2 * r, row.dmin);
            put_six_bits(row.scale.data(), row.min.data(), 1, r, to);
            break;
        case Header::scale_6: put_six_bits(row.scale.data(), row.scale.data() + 1, 2, r, to); break;
        case Header::scale_min_4:
            put_u16(to + 32 + 2 * r, row.dmin);
            for (int g = 0; g < 16; ++g) to[64 + 16 * g + r] = static_cast<std::byte>(row.scale[static_cast<std::size_t>(g)]);
            break;
        case Header::scale_8x16:
            for (int g = 0; g < 16; ++g) to[64 + 16 * g + r] = static_cast<std::byte>(row.scale[static_cast<std::size_t>(g)]);
            break;
        case Header::scale_8x8:
            for (int g = 0; g < 8; ++g) to[64 + 16 * g + r] = static_cast<std::byte>(row.scale[static_cast<std::size_t>(g)]);
            break;
        case Header::half:
            for (std::int64_t b = 0; b < blocks; ++b) put_u16(to + 32 * b + 2 * r, row.block_d[static_cast<std::size_t>(b)]);
            break;
        case Header::half_min:
            for (std::int64_t b = 0; b < blocks; ++b) {
                put_u16(to + 64 * b + 2 * r, row.block_d[static_cast<std::size_t>(b)]);
                put_u16(to + 64 * b + 32 + 2 * r, row.block_m[static_cast<std::size_t>(b)]);
            }
            break;
        case Header::exponent:
            for (std::int64_t b = 0; b < blocks; ++b) to[16 * b + r] = static_cast<std::byte>(row.block_d[static_cast<std::size_t>(b)]);
            break;
        case Header::row: break;  // not in files
    }
}

/// Two quads of one code in each byte, the second shifted by `apart` bits, as one.
std::uint32_t together(EightCodes quads, int apart) { return static_cast<std::uint32_t>(quads | quads >> 32 << apart); }

/// Writes a row's share of a block's planes, lowest bits first; `lane` is the row's first byte of the first.
void put_codes(const PanelFormat& f, const std::byte* code, std::byte* lane) {
    std::array<EightCodes, 4> codes;  // quads 2i and 2i + 1
    for (std::size_t i = 0; i < 4; ++i) codes[i] = eight_at(code + 8 * i);
    if (f.bits8) {
        for (std::size_t i = 0; i < 4; ++i, lane += 2 * line_bytes) {
            put_four(lane, static_cast<std::uint32_t>(codes[i]));
            put_four(lane + line_bytes, static_cast<std::uint32_t>(codes[i] >> 32));
        }
        return;
    }
    if (f.bits4) {
        for (std::size_t i = 0; i < 4; ++i, lane += line_bytes) {
            put_four(lane, together(codes[i] & eight(15), 4));
            codes[i] = codes[i] >> 4 & eight(15);
        }
    }
    if (f.bits2) {
        for (std::size_t i = 0; i < 4; i += 2, lane += line_bytes) {
            put_four(lane, together((codes[i] & eight(3)) | (codes[i + 1] & eight(3)) << 4, 2));
            codes[i] = codes[i] >> 2 & eight(3);
            codes[i + 1] = codes[i + 1] >> 2 & eight(3);
        }
    }
    if (f.bits1) put_four(lane, together(codes[0] | codes[1] << 2 | codes[2] << 4 | codes[3] << 6, 1));
}

}  // namespace

void pack(DType format, const std::byte* matrix, std::int64_t rows, std::int64_t cols, std::int64_t first, std::int64_t count, std::byte* to) {
    const PanelFormat* f = panel_format(format);
    if (!f) return;
    const std::int64_t row_bytes = cols / block_length(format) * block_bytes(format);
    const std::int64_t block_stride = block_bytes(format) * block_k / block_length(format);  // of 32 k, only used for whole blocks
    RowSuper row;
    for (std::int64_t p = first; p < first + count; ++p) {
        const int rows_here = static_cast<int>(std::min(panel_rows, rows - p * panel_rows));
        for (std::int64_t k = 0; k < cols; k += super_k) {
            const std::int64_t blocks = std::min<std::int64_t>(8, (cols - k) / block_k);
            std::byte* codes = to + f->header_bytes(blocks);
            std::fill_n(to, rows_here < panel_rows ? f->super_bytes(blocks) : f->header_bytes(blocks), std::byte{0});  // padding, missing rows
            for (int r = 0; r < rows_here; ++r) {
                const std::byte* source = matrix + (p * panel_rows + r) * row_bytes;
                source += block_length(format) == super_k ? k / super_k * block_bytes(format) : k / block_k * block_stride;
                take(format, source, blocks, row);
                put_header(*f, row, r, blocks, to);
                for (std::int64_t b = 0; b < blocks; ++b) put_codes(*f, row.code.data() + 32 * b, codes + b * f->code_bytes() + 4 * r);
            }
            to += f->super_bytes(blocks);
        }
    }
}

}  // namespace rorqual::panels
