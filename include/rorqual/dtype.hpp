#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace rorqual {

/// How numbers are stored in a tensor. `quant/formats.inc` is the list behind it: one line a format.
enum class DType : std::int32_t {
    f32 = 0,
    f16 = 1,      ///< IEEE half
    bf16 = 2,     ///< the high half of an f32
    f8_e4m3 = 3,  ///< 1-4-3, bias 7, no infinity; scaled by a second tensor
    f8_e8m0 = 4,  ///< a power of two: 2^(b-127)
    i8 = 5,
    u8 = 6,
    i16 = 7,
    i32 = 8,
    i64 = 9,
    boolean = 10,  ///< one byte
    f64 = 11,
    // Formats of GGUF files in which 32 or 256 weights share a block: block_length() and block_bytes() tell, and
    // quant/<name>/decode.cpp has the layout.
    q4_0 = 12,
    q4_1 = 13,
    q5_0 = 14,
    q5_1 = 15,
    q8_0 = 16,
    q2_k = 17,
    q3_k = 18,
    q4_k = 19,
    q5_k = 20,
    q6_k = 21,
    iq4_nl = 22,
    iq4_xs = 23,
    mxfp4 = 24,
    iq2_xxs = 25,
    iq2_xs = 26,
    iq2_s = 27,
    iq3_xxs = 28,
    iq3_s = 29,
    iq1_s = 30,
    iq1_m = 31,
    tq1_0 = 32,
    tq2_0 = 33,
};

/// The name used in messages and by `inspect`: "bf16".
[[nodiscard]] std::string_view name(DType dtype) noexcept;

/// Elements that share one block of bytes: 1 for plain number types. `cols` of a matrix is a multiple of it.
[[nodiscard]] std::int64_t block_length(DType dtype) noexcept;

/// Bytes of one block.
[[nodiscard]] std::int64_t block_bytes(DType dtype) noexcept;

}  // namespace rorqual
