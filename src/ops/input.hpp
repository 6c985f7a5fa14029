#pragma once

#include <cstdint>

#include "cpu/arena.hpp"
#include "panels/quantised_rows.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::ops {

struct Run;

/// Rows that meet weight matrices: as f32 and, in fast mode, also as int8, made once for all the packed matrices they meet.
struct Input {
    ConstRows x;                      ///< [T, K]
    panels::QuantisedRows quantised;  ///< [T, K], or nothing: then products with packed weights are exact

    Input() = default;
    Input(const ConstRows& rows) : x(rows) {}  // NOLINT: rows are an input
    Input(const Rows& rows) : x(rows) {}       // NOLINT
    Input(const ConstRows& rows, const panels::QuantisedRows& int8) : x(rows), quantised(int8) {}

    [[nodiscard]] bool is_quantised() const noexcept { return quantised.q != nullptr; }
    /// Rows [first, first + count).
    [[nodiscard]] Input slice_rows(std::int64_t first, std::int64_t count) const noexcept {
        const auto rows = x.slice_rows(first, count);
        return is_quantised() ? Input(rows, quantised.slice_rows(first, count)) : Input(rows);
    }
};

/// True if rows of that width have an int8 form: it is made of blocks of 32.
[[nodiscard]] constexpr bool quantisable(std::int64_t cols) noexcept { return cols > 0 && cols % 32 == 0; }

/// Room for the int8 form of [rows, cols], or nothing where there is no such form.
[[nodiscard]] panels::QuantisedRows take_room(cpu::Arena& arena, std::int64_t rows, std::int64_t cols);

/// The int8 form of x [T, K], made in `room`, which must be at least as large. Split over rows.
[[nodiscard]] panels::QuantisedRows quantise(const Run& run, const ConstRows& x, const panels::QuantisedRows& room);

/// x as an input: in fast mode its int8 form is made in `room`.
[[nodiscard]] Input input(const Run& run, const ConstRows& x, const panels::QuantisedRows& room);

}  // namespace rorqual::ops
