#include "layers/index_cache.hpp"

#include <algorithm>

#include "layers/stored_row.hpp"

namespace rorqual::layers {
namespace {

WeightView plane(CacheFormat format, std::int64_t width) noexcept {
    return {format == CacheFormat::f32 ? DType::f32 : DType::bf16, nullptr, page_tokens, width};
}

CacheFormat format_of(const WeightView& plane) noexcept { return plane.dtype == DType::f32 ? CacheFormat::f32 : CacheFormat::bf16; }

}  // namespace

std::size_t IndexCache::bytes_per_token(CacheFormat format, std::int64_t width) noexcept {
    return static_cast<std::size_t>(plane(format, width).row_bytes());
}

IndexCache::IndexCache(CacheFormat format, std::int64_t width, std::pmr::memory_resource& memory)
    : plane_(plane(format, width)), pages_(static_cast<std::size_t>(plane_.bytes()), memory) {}

std::int64_t IndexCache::rewind(std::int64_t position) {
    pages_.rewind(position);
    return this->position();
}

void IndexCache::save(const SaveBytes& to) const {
    for (std::int64_t p = 0; p < pages_for(position()); ++p) {
        const auto keys = page(p);
        to({keys.data, static_cast<std::size_t>(keys.bytes())});
    }
}

void IndexCache::load(std::int64_t position, const LoadBytes& from) {
    pages_.load(position, [&](std::byte* page, std::int64_t count) { from({page, static_cast<std::size_t>(plane_.slice_rows(0, count).bytes())}); });
}

std::unique_ptr<LayerState> IndexCache::fork() const {
    auto twin = std::make_unique<IndexCache>(format_of(plane_), plane_.cols, pages_.memory());
    twin->pages_ = pages_.fork();
    return twin;
}

void IndexCache::append(ConstRows keys) {
    reserve(position() + keys.rows);
    for (std::int64_t t = 0; t < keys.rows; ++t, pages_.advance(1)) {
        store_row(format_of(plane_), keys.row(t), pages_.page(position() / page_tokens) + position() % page_tokens * plane_.row_bytes());
    }
}

WeightView IndexCache::page(std::int64_t index) const noexcept {
    auto keys = plane_.slice_rows(0, std::min(page_tokens, position() - index * page_tokens));
    keys.data = pages_.page(index);
    return keys;
}

}  // namespace rorqual::layers
