#pragma once

#include <array>
#include <cstdint>

#include "layers/page.hpp"
#include "layers/page_average.hpp"

namespace rorqual::layers {

/// Room for the selected tokens of one page, side by side; for one worker.
struct PickRoom {
    Rows latents, ropes;                             ///< [128, kv_lora | rope] f32 values, used as the bytes of whatever format a page is in
    panels::QuantisedRows row;                       ///< one row of int8, at least as wide as both
    std::array<std::int32_t, page_tokens> tokens{};  ///< which they are
};

/// The tokens of a page that at least one of the rows' queries selected, copied into `room`: so products touch no others. The page itself where
/// more than `most` of its tokens are selected; then average_page leaves out what a row did not select. Both give the same bits.
/// The page's content and values are the same latents.
[[nodiscard]] PageKeys pick(const PageKeys& page, const QueryRows& rows, std::int64_t most, PickRoom& room);

}  // namespace rorqual::layers
