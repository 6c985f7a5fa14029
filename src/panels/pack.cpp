// Rearranges rows of file blocks into panels: first a row's super-block is taken apart into plain codes and scales, then the
// parts of 16 rows are laid side by side.
#include <algorithm>
#include <array>
#include <cstring>

#include "panels/formats.hpp"
#include "panels/layout.hpp"
#include "quant/block_reader.hpp"
#include "quant/k_scales.hpp"

namespace rorqual::panels {
namespace {

using namespace quant;

/// One row's share of a super-block, with every field in a byte or a half of its own.
struct RowSuper {
    std::array<std::uint8_t, 256> code{};
    std::array<std::uint8_t, 16> scale{};  // as stored: biased (Q3_K, IQ4_XS keep theirs), or i8 bits
    std::array<std::uint8_t, 16> min{};
    std::uint16_t d = 0, dmin = 0;                      // f16 bits of formats with a super-block scale
    std::array<std::uint16_t, 8> block_d{}, block_m{};  // f16 bits (or the e8m0 byte) of formats with a scale per 32
};

void nibble_block(const std::byte* qs, std::uint8_t* code) {
    for (int j = 0; j < 16; ++j) {
        code[j] = low_nibble(byte_at(qs, j));
        code[j + 16] = high_nibble(byte_at(qs, j));
    }
}
void fifth_bits(const std::byte* qh, std::uint8_t* code) {
    const std::uint32_t bits = u32_at(qh);
    for (int j = 0; j < 32; ++j) code[j] = static_cast<std::uint8_t>(code[j] | (bits >> j & 1) << 4);
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
        for (int l = 0; l < 32; ++l) {
            const std::uint8_t both = byte_at(qs, 32 * (g / 2) + l);
            const int low4 = g % 2 == 0 ? low_nibble(both) : high_nibble(both);
            const int fifth = five ? byte_at(qh, l) >> g & 1 : 0;
            row.code[static_cast<std::size_t>(32 * g + l)] = static_cast<std::uint8_t>(low4 | fifth << 4);
        }
    }
}

void take_q6_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 208);
    for (int g = 0; g < 16; ++g) row.scale[static_cast<std::size_t>(g)] = byte_at(block + 192, g);
    for (int k = 0; k < 256; ++k) {
        const int n = k / 128, quarter = k / 32 % 4, l = k % 32;
        const std::uint8_t both = byte_at(block + 64 * n, l + 32 * (quarter % 2));
        const int low4 = quarter < 2 ? low_nibble(both) : high_nibble(both);
        row.code[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(low4 | (byte_at(block + 128 + 32 * n, l) >> (2 * quarter) & 3) << 4);
    }
}

int two_bits(const std::byte* qs, int k) { return byte_at(qs, 32 * (k / 128) + k % 32) >> (2 * (k / 32 % 4)) & 3; }

void take_q3_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 108);
    for (int g = 0; g < 16; ++g) {
        const std::uint8_t low = byte_at(block + 96, g % 8);
        const int low4 = g < 8 ? low_nibble(low) : high_nibble(low);
        row.scale[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>(low4 | (byte_at(block + 96, 8 + g % 4) >> (2 * (g / 4)) & 3) << 4);
    }
    for (int k = 0; k < 256; ++k) {
        const int high = byte_at(block, k % 32) >> (k / 32) & 1;
        row.code[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(two_bits(block + 32, k) | high << 2);
    }
}

void take_q2_k(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block + 80);
    row.dmin = u16_at(block + 82);
    for (int g = 0; g < 16; ++g) row.scale[static_cast<std::size_t>(g)] = byte_at(block, g);
    for (int k = 0; k < 256; ++k) row.code[static_cast<std::size_t>(k)] = static_cast<std::uint8_t>(two_bits(block + 16, k));
}

void take_iq4_xs(const std::byte* block, RowSuper& row) {
    row.d = u16_at(block);
    const std::uint16_t high = u16_at(block + 2);
    for (int g = 0; g < 8; ++g) {
        const std::uint8_t pair = byte_at(block + 4, g / 2);
        const int low4 = g % 2 == 0 ? low_nibble(pair) : high_nibble(pair);
        row.scale[static_cast<std::size_t>(g)] = static_cast<std::uint8_t>((low4 | (high >> (2 * g) & 3) << 4) - 32);
        nibble_block(block + 8 + 16 * g, row.code.data() + 32 * g);
    }
}

/// Formats with blocks of 32: `block` is the first of `blocks`.
void take_blocks(DType format, const std::byte* block, std::int64_t blocks, RowSuper& row) {
    const std::int64_t stride = block_bytes(format);
    for (std::int64_t b = 0; b < blocks; ++b, block += stride) {
        std::uint8_t* code = row.code.data() + 32 * b;
        const auto i = static_cast<std::size_t>(b);
        row.block_d[i] = format == DType::mxfp4 ? byte_at(block, 0) : u16_at(block);
        switch (format) {
            case DType::q8_0:
                for (int j = 0; j < 32; ++j) code[j] = static_cast<std::uint8_t>(signed_at(block + 2, j) + 128);
                break;
            case DType::q5_0:
                nibble_block(block + 6, code);
                fifth_bits(block + 2, code);
                break;
            case DType::q5_1:
                row.block_m[i] = u16_at(block + 2);
                nibble_block(block + 8, code);
                fifth_bits(block + 4, code);
                break;
            case DType::q4_1:
                row.block_m[i] = u16_at(block + 2);
                nibble_block(block + 4, code);
                break;
            case DType::mxfp4: nibble_block(block + 1, code); break;
            default: nibble_block(block + 2, code); break;  // q4_0, iq4_nl
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

void put_u16(std::byte* to, std::uint16_t value) { std::memcpy(to, &value, 2); }
void or_byte(std::byte& to, int bits) { to |= static_cast<std::byte>(bits); }

/// Writes row r's share of a header; `to` is zeroed before the first row.
void put_header(const PanelFormat& f, const RowSuper& row, int r, std::int64_t blocks, std::byte* to) {
    if (f.has_super_scale()) put_u16(to + 2 * r, row.d);
    switch (f.header) {
        case Header::scale_min_6:  // nibbles: scale low, minimum high; two high bits of both, blocks 2p and 2p+1 in one byte
            put_u16(to + 32 + 2 * r, row.dmin);
            for (int b = 0; b < 8; ++b) {
                const int sc = row.scale[static_cast<std::size_t>(b)], mn = row.min[static_cast<std::size_t>(b)];
                or_byte(to[64 + 16 * b + r], (sc & 15) | (mn & 15) << 4);
                or_byte(to[192 + 16 * (b / 2) + r], (sc >> 4 | (mn >> 4) << 2) << (4 * (b % 2)));
            }
            break;
        case Header::scale_6:  // the same bytes: groups 2b and 2b+1 in the places of scale and minimum
            for (int b = 0; b < 8; ++b) {
                const int even = row.scale[static_cast<std::size_t>(2 * b)], odd = row.scale[static_cast<std::size_t>(2 * b + 1)];
                or_byte(to[64 + 16 * b + r], (even & 15) | (odd & 15) << 4);
                or_byte(to[192 + 16 * (b / 2) + r], (even >> 4 | (odd >> 4) << 2) << (4 * (b % 2)));
            }
            break;
        case Header::scale_min_4:
            put_u16(to + 32 + 2 * r, row.dmin);
            for (int g = 0; g < 16; ++g) or_byte(to[64 + 16 * g + r], row.scale[static_cast<std::size_t>(g)]);
            break;
        case Header::scale_8x16:
            for (int g = 0; g < 16; ++g) or_byte(to[64 + 16 * g + r], row.scale[static_cast<std::size_t>(g)]);
            break;
        case Header::scale_8x8:
            for (int g = 0; g < 8; ++g) or_byte(to[64 + 16 * g + r], row.scale[static_cast<std::size_t>(g)]);
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
            for (std::int64_t b = 0; b < blocks; ++b) or_byte(to[16 * b + r], row.block_d[static_cast<std::size_t>(b)]);
            break;
    }
}

/// Writes row r's share of a block's planes, lowest bits first; `to` is zeroed before the first row.
void put_codes(const PanelFormat& f, const std::uint8_t* code, int r, std::byte* to) {
    for (int k = 0; k < block_k; ++k) {
        const int quad = k / 4, lane = 4 * r + k % 4;
        int value = code[k];
        std::byte* plane = to;
        if (f.bits8) {
            or_byte(plane[64 * quad + lane], value);
            continue;
        }
        if (f.bits4) {
            or_byte(plane[64 * (quad / 2) + lane], (value & 15) << (4 * (quad % 2)));
            value >>= 4;
            plane += 4 * line_bytes;
        }
        if (f.bits2) {
            or_byte(plane[64 * (quad / 4) + lane], (value & 3) << (2 * (quad % 4)));
            value >>= 2;
            plane += 2 * line_bytes;
        }
        if (f.bits1) or_byte(plane[lane], (value & 1) << quad);
    }
}

}  // namespace

void pack(DType format, const std::byte* matrix, std::int64_t rows, std::int64_t cols, std::int64_t first, std::int64_t count, std::byte* to) {
    const PanelFormat* f = panel_format(format);
    if (!f) return;
    const std::int64_t row_bytes = cols / block_length(format) * block_bytes(format);
    const std::int64_t block_stride = block_bytes(format) * block_k / block_length(format);  // of 32 k, only used for whole blocks
    std::fill_n(to, count * panel_bytes(format, cols), std::byte{0});
    RowSuper row;
    for (std::int64_t p = first; p < first + count; ++p) {
        for (std::int64_t k = 0; k < cols; k += super_k) {
            const std::int64_t blocks = std::min<std::int64_t>(8, (cols - k) / block_k);
            std::byte* codes = to + f->header_bytes(blocks);
            for (int r = 0; r < panel_rows && p * panel_rows + r < rows; ++r) {
                const std::byte* source = matrix + (p * panel_rows + r) * row_bytes;
                source += block_length(format) == super_k ? k / super_k * block_bytes(format) : k / block_k * block_stride;
                take(format, source, blocks, row);
                put_header(*f, row, r, blocks, to);
                for (std::int64_t b = 0; b < blocks; ++b) put_codes(*f, row.code.data() + 32 * b, r, codes + b * f->code_bytes());
            }
            to += f->super_bytes(blocks);
        }
    }
}

}  // namespace rorqual::panels
