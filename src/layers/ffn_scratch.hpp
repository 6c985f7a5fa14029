#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "cpu/arena.hpp"
#include "ops/input.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// Room for the inner activations of feed-forward layers. One at a time uses it: a dense layer, the shared experts, then the
/// routed ones; so it is as large as the largest of them needs.
struct FfnScratch {
    std::span<float> inner;
    panels::QuantisedRows quantised;  ///< their int8 form

    /// The first rows·cols values of the room after `skipped` of them, as an array [rows, cols].
    [[nodiscard]] Rows rows(std::int64_t rows, std::int64_t cols, std::int64_t skipped = 0) const noexcept {
        return {inner.data() + skipped, rows, cols};
    }
    [[nodiscard]] static FfnScratch cut(cpu::Arena& arena, std::int64_t values) {
        return {arena.take<float>(values), ops::take_room(arena, (values + 31) / 32, 32)};
    }
};

}  // namespace rorqual::layers
