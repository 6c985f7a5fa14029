#include "layers/latent_cache.hpp"

#include <algorithm>
#include <cstring>

#include "base/ceil_div.hpp"
#include "quant/half.hpp"

namespace rorqual::layers {
namespace {

constexpr DType dtype_of(CacheFormat format) noexcept { return format == CacheFormat::bf16 ? DType::bf16 : DType::f32; }

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
    return static_cast<std::size_t>((kv_lora + rope) * block_bytes(dtype_of(format)));
}

LatentCache::LatentCache(CacheFormat format, std::int64_t kv_lora, std::int64_t rope, std::pmr::memory_resource& memory)
    : dtype_(dtype_of(format)), kv_lora_(kv_lora), rope_(rope), page_bytes_(static_cast<std::size_t>(page_tokens) * bytes_per_token(format, kv_lora, rope)), memory_(&memory), pages_(&memory), blocks_(&memory) {}

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
    const auto rope_plane = page_tokens * kv_lora_ * block_bytes(dtype_);
    for (std::int64_t t = 0; t < c_kv.rows; ++t, ++position_) {
        auto* const page = pages_[static_cast<std::size_t>(position_ / page_tokens)].data();
        const auto row = position_ % page_tokens;
        store_row(dtype_, c_kv.row(t), page + row * kv_lora_ * block_bytes(dtype_));
        store_row(dtype_, k_pe.row(t), page + rope_plane + row * rope_ * block_bytes(dtype_));
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
    const auto format = dtype_ == DType::bf16 ? CacheFormat::bf16 : CacheFormat::f32;
    auto twin = std::make_unique<LatentCache>(format, kv_lora_, rope_, *memory_);
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
        const WeightView latent{dtype_, page, count, kv_lora_};
        blocks_.push_back({latent, {dtype_, page + page_tokens * latent.row_bytes(), count, rope_}});
    }
}

}  // namespace rorqual::layers
