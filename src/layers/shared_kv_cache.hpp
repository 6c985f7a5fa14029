#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <span>
#include <vector>

#include "cpu/arena.hpp"
#include "layers/page_frame.hpp"
#include "layers/row_pages.hpp"
#include "layers/state.hpp"

namespace rorqual::layers {

/// Sizes of what shared key-value attention remembers. A compressor that is not there has ratio 0 or width 0.
struct SharedKvSizes {
    std::int64_t window = 1;         ///< tokens a query sees as they are, itself included
    std::int64_t width = 0;          ///< of a key, which is its value too: head_dim
    std::int64_t rope = 0;           ///< of these rotated, the last ones
    std::int64_t ratio = 0;          ///< tokens an entry stands for: a divisor of 128, or 0 without entries
    std::int64_t waiting_width = 0;  ///< f32 values a token leaves to be compressed
    std::int64_t lookback = 0;       ///< tokens of the window before that an entry mixes in
    std::int64_t index_width = 0;    ///< of an index key; 0 without an indexer
    std::int64_t index_waiting_width = 0;

    [[nodiscard]] bool has_index() const noexcept { return index_width > 0; }
};

/// What one layer of shared key-value attention remembers of a timeline (DeepSeek-V4 §3): the keys of its window, the values that wait to be
/// compressed, the compressed entries and their index keys. All but the last two roll: they are gone when the text has gone on. The format is that of
/// keys, entries and index keys; what waits is f32.
///
/// Going back: within the page of 128 tokens that is being written, any position is there as it was. Before it, snapshots of the
/// rolling part stand at some beginnings of pages: one for each power of two, so that their number is the logarithm of the
/// text's length, and going back by n tokens costs evaluating fewer than 2n + 128 again.
class SharedKvCache final : public LayerState {
 public:
    /// `memory` is borrowed for the life of this cache and of all its forks. Takes none before reserve().
    SharedKvCache(CacheFormat format, const SharedKvSizes& sizes, std::pmr::memory_resource& memory);

    [[nodiscard]] std::int64_t position() const noexcept override { return position_; }
    [[nodiscard]] std::size_t bytes() const noexcept override;
    void reserve(std::int64_t position) override;
    std::int64_t rewind(std::int64_t position) override;
    /// Up to the end of the page that is being written, or that comes next.
    [[nodiscard]] std::int64_t room_ahead() const noexcept override;
    /// The page's beginning, its rolling part, entries, index keys, snapshots.
    void save(const SaveBytes& to) const override;
    void load(std::int64_t position, const LoadBytes& from) override;
    [[nodiscard]] std::unique_ptr<LayerState> fork() const override;

    /// How many of `count` further tokens can be put before the page ends; begins the next page where this one is full. In reserved room, as
    /// all that follows.
    [[nodiscard]] std::int64_t begin(std::int64_t count) noexcept;
    /// The key of the token at `position`.
    void put_key(std::int64_t position, std::span<const float> key) noexcept;
    /// Room for what the tokens from `position` on leave to be compressed: rows side by side, behind those of `lookback` tokens before.
    [[nodiscard]] Rows waiting(std::int64_t position, std::int64_t count) const noexcept;
    [[nodiscard]] Rows index_waiting(std::int64_t position, std::int64_t count) const noexcept;
    void put_entry(std::int64_t entry, std::span<const float> values) noexcept { entries_.put(entry, values); }
    void put_index_key(std::int64_t entry, std::span<const float> values) noexcept { index_keys_.put(entry, values); }
    /// The tokens that were put are remembered.
    void advance(std::int64_t count) noexcept;

    /// Keys of positions first, first + 1, …, as many as `room` has rows [count, width]; inside the window of the last page. Where they lie, if that is
    /// as f32; else in `room`.
    [[nodiscard]] ConstRows get_keys(std::int64_t first, Rows room) const noexcept;
    void get_entry(std::int64_t entry, std::span<float> values) const noexcept { entries_.get(entry, values); }
    void get_index_key(std::int64_t entry, std::span<float> values) const noexcept { index_keys_.get(entry, values); }
    /// Index keys are put, and come back, after a Hadamard transform (hadamard.hpp), as this format wants them.
    [[nodiscard]] bool transforms_index_keys() const noexcept { return index_keys_.format().transformed(); }

    /// Entries that the token at `position` sees: those whose last token it has seen, itself included.
    [[nodiscard]] std::int64_t visible_entries(std::int64_t position) const noexcept { return sizes_.ratio == 0 ? 0 : (position + 1) / sizes_.ratio; }

    /// Bytes at `position`, the same as bytes() there.
    [[nodiscard]] static std::size_t bytes_at(CacheFormat format, const SharedKvSizes& sizes, std::int64_t position);
    /// Bytes one token adds in the long run, a fraction where entries stand for many.
    [[nodiscard]] static double bytes_per_token(CacheFormat format, const SharedKvSizes& sizes) noexcept;

 private:
    struct Snapshot {
        std::int64_t start;
        Page page;
    };
    SharedKvCache(const SharedKvCache& other);

    [[nodiscard]] std::int64_t entries_at(std::int64_t position) const noexcept { return sizes_.ratio == 0 ? 0 : position / sizes_.ratio; }
    void drop_reserved() noexcept;
    void begin_next_page() noexcept;

    SharedKvSizes sizes_;
    RowFormat key_format_;
    std::pmr::memory_resource* memory_;
    std::int64_t position_ = 0;
    std::int64_t reserved_ = 0;  // position there is room up to
    PageFrame frame_;
    RowPages entries_, index_keys_;
    std::vector<Snapshot> snapshots_;  // ascending, of pages before the frame's
    std::vector<Page> spare_;          // room for those that are to come up to reserved_
};

}  // namespace rorqual::layers
