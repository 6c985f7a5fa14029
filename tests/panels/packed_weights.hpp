#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <random>
#include <vector>

#include "panels/int8_panels.hpp"
#include "panels/layout.hpp"
#include "quant/decode.hpp"

// Weights for the tests of packed products: random blocks, packed.

namespace rorqual::test {

/// 64-byte aligned bytes.
class Aligned {
 public:
    explicit Aligned(std::int64_t bytes) : data_(static_cast<std::byte*>(::operator new (static_cast<std::size_t>(bytes), std::align_val_t{64}))) {}
    ~Aligned() { ::operator delete (data_, std::align_val_t{64}); }
    Aligned(const Aligned&) = delete;
    Aligned& operator=(const Aligned&) = delete;
    [[nodiscard]] std::byte* data() const { return data_; }

 private:
    std::byte* data_;
};

/// Where a format keeps its f16 scales inside a block, so that random bytes can be given sane ones.
inline std::vector<std::size_t> half_offsets(DType format) {
    switch (format) {
        case DType::q4_k:
        case DType::q5_k: return {0, 2};
        case DType::q6_k: return {208};
        case DType::q3_k: return {108};
        case DType::q2_k: return {80, 82};
        case DType::q4_1:
        case DType::q5_1: return {0, 2};
        case DType::mxfp4:
        case DType::i8: return {};
        default: return {0};
    }
}

/// Random blocks of a format with scales between 2^-7 and 2^-4 in magnitude.
inline std::vector<std::byte> random_blocks(DType format, std::int64_t weights, std::mt19937& rng) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(weights / block_length(format) * block_bytes(format)));
    for (auto& b : bytes) b = static_cast<std::byte>(rng());
    for (std::size_t block = 0; block < bytes.size(); block += static_cast<std::size_t>(block_bytes(format))) {
        for (const std::size_t at : half_offsets(format)) bytes[block + at + 1] = (bytes[block + at + 1] & std::byte{0x83}) | std::byte{0x20};
        if (format == DType::mxfp4) bytes[block] = static_cast<std::byte>(117 + rng() % 8);
    }
    return bytes;
}

/// The scale of the i8 weights of a row in a super-block: no two neighbours alike.
inline float i8_scale(std::int64_t row, std::int64_t super) { return static_cast<float>(1 + row % 7 + 3 * (super % 5)) * 0x1p-7F; }

/// Codes [rows, cols] of the format that has no blocks in files, in panels.
inline void put_codes(const std::vector<std::byte>& codes, std::int64_t rows, std::int64_t cols, std::byte* to) {
    std::vector<std::int8_t> q(codes.size());
    std::memcpy(q.data(), codes.data(), codes.size());
    std::vector<float> scale;
    for (std::int64_t n = 0; n < rows; ++n) {
        for (std::int64_t s = 0; s < (cols + 255) / 256; ++s) scale.push_back(i8_scale(n, s));
    }
    panels::QuantisedRows x;
    x.q = q.data();
    x.scale = scale.data();
    x.rows = rows;
    x.cols = cols;
    panels::put_rows(x, 0, to);
}

/// Weights as in a file, as f32.
inline std::vector<float> decoded(DType format, const std::vector<std::byte>& blocks, std::int64_t rows, std::int64_t cols) {
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    if (format != DType::i8) {
        quant::decode(format, blocks, values);
        return values;
    }
    for (std::int64_t i = 0; i < rows * cols; ++i) {
        const auto at = static_cast<std::size_t>(i);
        values[at] = i8_scale(i / cols, i % cols / 256) * static_cast<float>(static_cast<std::int8_t>(blocks[at]));
    }
    return values;
}

/// A matrix of blocks as in a file, packed.
struct Packed {
    Packed(DType format, const std::vector<std::byte>& blocks, std::int64_t rows, std::int64_t cols)
        : bytes((rows + 15) / 16 * panels::panel_bytes(format, cols)), view{format, bytes.data(), rows, cols} {
        if (format == DType::i8)
            put_codes(blocks, rows, cols, bytes.data());
        else
            panels::pack(format, blocks.data(), rows, cols, 0, view.count(), bytes.data());
    }
    Aligned bytes;
    panels::Panels view;
};

}  // namespace rorqual::test
