#include "layers/latent_cache.hpp"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.hpp"
#include "ops/input.hpp"
#include "panels/int8_panels.hpp"
#include "quant/half.hpp"

namespace rorqual::layers {
namespace {

/// A page's rows of `cols` values, wherever they may lie.
WeightView plane(CacheFormat format, std::int64_t cols) noexcept {
    switch (format) {
        case CacheFormat::bf16: return {DType::bf16, nullptr, page_tokens, cols};
        case CacheFormat::int8: return {DType::i8, nullptr, page_tokens, cols, panels::panel_bytes(DType::i8, cols)};
        default: return {DType::f32, nullptr, page_tokens, cols};
    }
}

constexpr std::int64_t pages_for(std::int64_t tokens) noexcept { return ceil_div(tokens, page_tokens); }

void store_row(DType dtype, std::span<const float> row, std::byte* to) noexcept {
    if (dtype == DType::f32) {
        std::memcpy(to, row.data(), row.size_bytes());
        return;
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
        const auto rounded = quant::bf16_from_f32(row[i]);
        std::memcpy(to + 2 * i, &rounded, 2);
    }
}

}  // namespace

std::size_t LatentCache::bytes_per_token(CacheFormat format, std::int64_t kv_lora, std::int64_t rope) noexcept {
    return static_cast<std::size_t>((plane(format, kv_lora).bytes() + plane(format, rope).bytes()) / page_tokens);
}

bool LatentCache::has_int8(std::int64_t kv_lora, std::int64_t rope) noexcept { return ops::quantisable(kv_lora) && ops::quantisable(rope); }

LatentCache::LatentCache(CacheFormat format, std::int64_t kv_lora, std::int64_t rope, std::pmr::memory_resource& memory)
    : format_(format), latent_(plane(format, kv_lora)), rope_keys_(plane(format, rope)), page_bytes_(static_cast<std::size_t>(latent_.bytes() + rope_keys_.bytes())), memory_(&memory), pages_(&memory), blocks_(&memory) {}

void LatentCache::reserve(std::int64_t position) {
    const auto had = pages_.size();
    const auto needed = std::max(had, static_cast<std::size_t>(pages_for(position)));
    pages_.reserve(needed);
    blocks_.reserve(needed);
    try {
        while (pages_.size() < needed) pages_.emplace_back(page_bytes_, *memory_);
        // Only the page that still grows can be both shared and written: those before are full, those behind are new.
        const auto growing = static_cast<std::size_t>(position_ / page_tokens);
        if (position > position_ && growing < had && pages_[growing].shared()) {
            Page own(page_bytes_, *memory_);
            std::memcpy(own.data(), pages_[growing].data(), page_bytes_);
            pages_[growing] = std::move(own);
            show_blocks(static_cast<std::int64_t>(growing));
        }
    } catch (...) {
        pages_.erase(pages_.begin() + static_cast<std::ptrdiff_t>(had), pages_.end());
        throw;
    }
}

void LatentCache::append(ConstRows c_kv, ConstRows k_pe) {
    reserve(position_ + c_kv.rows);
    const auto first_page = position_ / page_tokens;
    for (std::int64_t t = 0; t < c_kv.rows; ++t, ++position_) {
        auto* const page = page_at(position_);
        const auto row = position_ % page_tokens;
        store_row(latent_.dtype, c_kv.row(t), page + row * latent_.row_bytes());
        store_row(latent_.dtype, k_pe.row(t), page + latent_.bytes() + row * rope_keys_.row_bytes());
    }
    show_blocks(first_page);
}

void LatentCache::append(const panels::QuantisedRows& c_kv, const panels::QuantisedRows& k_pe) {
    reserve(position_ + c_kv.rows);
    const auto first_page = position_ / page_tokens;
    for (std::int64_t t = 0; t < c_kv.rows; ++t, ++position_) {
        auto* const page = page_at(position_);
        panels::put_rows(c_kv.slice_rows(t, 1), position_ % page_tokens, page);
        panels::put_rows(k_pe.slice_rows(t, 1), position_ % page_tokens, page + latent_.bytes());
    }
    show_blocks(first_page);
}

std::int64_t LatentCache::rewind(std::int64_t position) {
    position_ = std::min(position_, position);
    pages_.erase(pages_.begin() + pages_for(position_), pages_.end());
    show_blocks(position_ / page_tokens);
    return position_;
}

std::unique_ptr<LayerState> LatentCache::fork() const {
    auto twin = std::make_unique<LatentCache>(format_, latent_.cols, rope_keys_.cols, *memory_);
    twin->pages_.assign(pages_.begin(), pages_.begin() + pages_for(position_));
    twin->position_ = position_;
    twin->show_blocks(0);
    return twin;
}

// Brings blocks_ from page `first_page` on in line with pages_ and position_.
void LatentCache::show_blocks(std::int64_t first_page) {
    blocks_.resize(static_cast<std::size_t>(std::min(first_page, pages_for(position_))));
    for (auto p = first_page; p < pages_for(position_); ++p) {
        const auto count = std::min(page_tokens, position_ - p * page_tokens);
        const auto* const page = pages_[static_cast<std::size_t>(p)].data();
        auto latent = latent_.slice_rows(0, count), rope = rope_keys_.slice_rows(0, count);
        latent.data = page;
        rope.data = page + latent_.bytes();
        blocks_.push_back({latent, rope});
    }
}

}  // namespace rorqual::layers
