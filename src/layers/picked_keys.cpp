#include "layers/picked_keys.hpp"

#include <bitset>
#include <cstring>

#include "ops/run.hpp"
#include "panels/int8_panels.hpp"

namespace rorqual::layers {
namespace {

using Tokens = std::span<const std::int32_t>;

// Tokens of the page that the rows' queries selected, by their rows in it.
std::bitset<page_tokens> selected(const PageKeys& page, const QueryRows& rows) {
    std::bitset<page_tokens> wanted;
    for (std::int64_t r = 0; r < rows.rows(); r = rows.next_query(r)) {
        for (const auto token : rows.chosen(r, page)) wanted.set(static_cast<std::size_t>(token - page.first));
    }
    return wanted;
}

// Rows tokens − first of `from`, in their order, at `to`.
WeightView side_by_side(WeightView from, Tokens tokens, std::int64_t first, const Rows& to, const panels::QuantisedRows& row) {
    auto* const bytes = reinterpret_cast<std::byte*>(to.data);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
        const auto at = tokens[i] - first;
        if (from.packed()) {
            const auto one = row.shaped(1, from.cols);
            panels::take_rows(ops::as_panels(from), at, one);
            panels::put_rows(one, static_cast<std::int64_t>(i), bytes);
        } else {
            std::memcpy(bytes + static_cast<std::int64_t>(i) * from.row_bytes(), from.data + at * from.row_bytes(), static_cast<std::size_t>(from.row_bytes()));
        }
    }
    from.data = bytes;
    from.rows = static_cast<std::int64_t>(tokens.size());
    return from;
}

}  // namespace

PageKeys pick(const PageKeys& page, const QueryRows& rows, std::int64_t most, PickRoom& room) {
    const auto wanted = selected(page, rows);
    if (static_cast<std::int64_t>(wanted.count()) > most) return page;
    std::size_t count = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (wanted[i]) room.tokens[count++] = static_cast<std::int32_t>(page.first + static_cast<std::int64_t>(i));
    }
    const Tokens tokens(room.tokens.data(), count);
    const auto latents = side_by_side(page.content, tokens, page.first, room.latents, room.row);
    return {latents, side_by_side(page.rope, tokens, page.first, room.ropes, room.row), latents, page.first, {}, true, tokens};
}

}  // namespace rorqual::layers
