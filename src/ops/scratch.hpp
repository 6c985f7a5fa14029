#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"

namespace rorqual::ops {

/// Memory that products with quantised weights need besides their operands, a part for every worker. Cut once, for a session or a
/// call. Without any, only products with f32, f16 and bf16 weights can be computed.
struct Scratch {
    std::byte* data = nullptr;
    std::int64_t each = 0;  ///< bytes of one worker's part, a multiple of 64

    /// Parts that hold `values` f32: what decoded_values() asks for, of the largest weight matrix that will come.
    [[nodiscard]] static Scratch cut(cpu::Arena& arena, std::int64_t values, std::size_t workers);

    [[nodiscard]] std::span<std::byte> of(std::size_t worker) const noexcept {
        return {data + static_cast<std::int64_t>(worker) * each, static_cast<std::size_t>(each)};
    }
};

}  // namespace rorqual::ops
