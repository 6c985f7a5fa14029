#include "layers/shared_kv_cache.hpp"

#include <algorithm>
#include <bit>

#include "rorqual/error.hpp"

namespace rorqual::layers {
namespace {

enum Planes : std::size_t { keys,
                            waiting_values,
                            index_waiting_values };

RowFormat key_format(CacheFormat format, const SharedKvSizes& s) noexcept { return RowFormat::of_keys(format, s.width, s.rope); }
RowFormat index_format(CacheFormat format, const SharedKvSizes& s) noexcept { return RowFormat::of_index_keys(format, s.index_width); }

std::vector<PageFrame::Plane> planes_of(CacheFormat format, const SharedKvSizes& s) {
    std::vector<PageFrame::Plane> planes = {{s.window - 1, key_format(format, s).bytes()}};
    if (s.ratio > 0) planes.push_back({s.lookback, s.waiting_width * 4});
    if (s.has_index()) planes.push_back({s.lookback, s.index_waiting_width * 4});
    return planes;
}

// How many snapshots are kept where `pages` pages lie behind; and is there one at the beginning of page `page`, 1 ≤ page ≤ pages? Of each
// power of two the last odd multiple, so that what is kept now was kept always.
std::size_t kept_snapshots(std::int64_t pages) noexcept { return static_cast<std::size_t>(std::bit_width(static_cast<std::uint64_t>(pages))); }
bool is_kept(std::int64_t page, std::int64_t pages) noexcept { return pages - page < 2 * (page & -page); }

// Beginning of the page that the last of `position` tokens lies in.
std::int64_t last_page(std::int64_t position) noexcept { return position == 0 ? 0 : (position - 1) / page_tokens; }
// Whole pages that lie behind then and whose beginning can be gone back to; position 0 always can.
std::int64_t pages_behind(std::int64_t last) noexcept { return std::max<std::int64_t>(last - 1, 0); }

}  // namespace

SharedKvCache::SharedKvCache(CacheFormat format, const SharedKvSizes& sizes, std::pmr::memory_resource& memory)
    : sizes_(sizes), key_format_(key_format(format, sizes)), memory_(&memory), frame_(planes_of(format, sizes), memory), entries_(key_format_, memory), index_keys_(index_format(format, sizes), memory) {}

SharedKvCache::SharedKvCache(const SharedKvCache& other)
    : sizes_(other.sizes_), key_format_(other.key_format_), memory_(other.memory_), position_(other.position_), reserved_(position_), frame_(other.frame_), entries_(other.entries_, entries_at(position_)), index_keys_(other.index_keys_, sizes_.has_index() ? entries_at(position_) : 0), snapshots_(other.snapshots_) {}

std::size_t SharedKvCache::bytes() const noexcept { return frame_.bytes() + entries_.bytes() + index_keys_.bytes() + (snapshots_.size() + spare_.size()) * frame_.snapshot_bytes(); }

std::size_t SharedKvCache::bytes_at(CacheFormat format, const SharedKvSizes& sizes, std::int64_t position) {
    if (position == 0) return 0;
    const PageFrame frame(planes_of(format, sizes), *std::pmr::null_memory_resource());
    const auto entries = sizes.ratio == 0 ? 0 : position / sizes.ratio;
    return frame.frame_bytes() + RowPages::bytes_of(key_format(format, sizes), entries) + RowPages::bytes_of(index_format(format, sizes), entries) +
           kept_snapshots(pages_behind(last_page(position))) * frame.snapshot_bytes();
}

double SharedKvCache::bytes_per_token(CacheFormat format, const SharedKvSizes& sizes) noexcept {
    if (sizes.ratio == 0) return 0;
    return static_cast<double>(key_format(format, sizes).bytes() + index_format(format, sizes).bytes()) / static_cast<double>(sizes.ratio);
}

void SharedKvCache::reserve(std::int64_t position) {
    if (position <= reserved_) return;
    try {
        frame_.reserve();
        entries_.reserve(entries_at(position_), entries_at(position));
        if (sizes_.has_index()) index_keys_.reserve(entries_at(position_), entries_at(position));
        // Never more than are kept at the end, and the one that is made before another goes.
        const auto last = last_page(position);
        const auto most = kept_snapshots(pages_behind(last)) + 1;
        const auto needed = std::min(most, static_cast<std::size_t>(last - frame_.start() / page_tokens));
        snapshots_.reserve(snapshots_.size() + needed);
        spare_.reserve(needed);
        while (spare_.size() < needed) spare_.emplace_back(frame_.snapshot_bytes(), *memory_);
    } catch (...) {
        drop_reserved();
        throw;
    }
    reserved_ = position;
}

// Lets go of room for what did not come.
void SharedKvCache::drop_reserved() noexcept {
    reserved_ = position_;
    entries_.drop_behind(entries_at(position_));
    index_keys_.drop_behind(entries_at(position_));
    std::erase_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.start >= frame_.start(); });
    spare_.clear();
    if (position_ == 0) frame_.clear();
}

std::int64_t SharedKvCache::rewind(std::int64_t position) {
    if (position < position_) {
        if (position < frame_.start()) {
            const auto behind = std::ranges::find_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.start > position; });
            const Snapshot* const last = behind == snapshots_.begin() ? nullptr : &*std::prev(behind);
            position = last ? last->start : 0;
            if (last) frame_.restore(position, last->page);
        }
        position_ = position;
    }
    drop_reserved();
    return position_;
}

std::int64_t SharedKvCache::room_ahead() const noexcept { return page_tokens - position_ % page_tokens; }

std::unique_ptr<LayerState> SharedKvCache::fork() const { return std::unique_ptr<LayerState>(new SharedKvCache(*this)); }

void SharedKvCache::save(const SaveBytes& to) const {
    const auto number = [&](std::int64_t value) { to(std::as_bytes(std::span(&value, 1))); };
    number(frame_.start());
    frame_.write(position_, to);
    entries_.save(entries_at(position_), to);
    if (sizes_.has_index()) index_keys_.save(entries_at(position_), to);
    const auto behind = std::ranges::find_if(snapshots_, [&](const Snapshot& snapshot) { return snapshot.start >= frame_.start(); });
    number(behind - snapshots_.begin());
    for (const auto& snapshot : std::span(snapshots_.begin(), behind)) {
        number(snapshot.start);
        to({snapshot.page.data(), frame_.snapshot_bytes()});
    }
}

void SharedKvCache::load(std::int64_t position, const LoadBytes& from) {
    const auto number = [&](std::int64_t least, std::int64_t most) {
        std::int64_t value = 0;
        from(std::as_writable_bytes(std::span(&value, 1)));
        if (value < least || value > most) throw Error(Status::corrupt, "a number of a saved cache is out of range");
        return value;
    };
    const auto page_start = [&](std::int64_t least, std::int64_t most) {
        const auto start = number(least, most);
        if (start % page_tokens != 0) throw Error(Status::corrupt, "a page of a saved cache begins between pages");
        return start;
    };
    const auto start = page_start(std::max<std::int64_t>(position - page_tokens, 0), position);
    if (position > 0) frame_.read(start, position, from);
    entries_.load(entries_at(position), from);
    if (sizes_.has_index()) index_keys_.load(entries_at(position), from);
    for (auto left = number(0, 64), least = page_tokens; left > 0; --left) {
        Snapshot snapshot{page_start(least, start - page_tokens), Page(frame_.snapshot_bytes(), *memory_)};
        from({snapshot.page.data(), frame_.snapshot_bytes()});
        least = snapshot.start + page_tokens;
        snapshots_.push_back(std::move(snapshot));
    }
    position_ = reserved_ = position;
}

std::int64_t SharedKvCache::begin(std::int64_t count) noexcept {
    if (position_ == frame_.start() + page_tokens) begin_next_page();
    return std::min(count, frame_.start() + page_tokens - position_);
}

void SharedKvCache::begin_next_page() noexcept {
    if (frame_.start() > 0) {
        snapshots_.push_back({frame_.start(), std::move(spare_.back())});
        spare_.pop_back();
        frame_.save(snapshots_.back().page);
    }
    frame_.roll();
    const auto behind = pages_behind(frame_.start() / page_tokens);
    const auto is_over = [behind](const Snapshot& snapshot) { return !is_kept(snapshot.start / page_tokens, behind); };
    for (auto& snapshot : snapshots_) {
        if (is_over(snapshot) && !snapshot.page.shared() && spare_.size() < spare_.capacity()) spare_.push_back(std::move(snapshot.page));
    }
    std::erase_if(snapshots_, is_over);
}

void SharedKvCache::advance(std::int64_t count) noexcept {
    position_ += count;
    if (position_ == reserved_) spare_.clear();
}

void SharedKvCache::put_key(std::int64_t position, std::span<const float> key) noexcept { key_format_.store(key, frame_.row(keys, position)); }

Rows SharedKvCache::waiting(std::int64_t position, std::int64_t count) const noexcept {
    return {reinterpret_cast<float*>(frame_.row(waiting_values, position)), count, sizes_.waiting_width};
}

Rows SharedKvCache::index_waiting(std::int64_t position, std::int64_t count) const noexcept {
    return {reinterpret_cast<float*>(frame_.row(index_waiting_values, position)), count, sizes_.index_waiting_width};
}

ConstRows SharedKvCache::get_keys(std::int64_t first, Rows room) const noexcept {
    if (key_format_.is_f32()) return {reinterpret_cast<const float*>(frame_.row(keys, first)), room.rows, sizes_.width};
    for (std::int64_t i = 0; i < room.rows; ++i) key_format_.load(frame_.row(keys, first + i), room.row(i));
    return room;
}

}  // namespace rorqual::layers
