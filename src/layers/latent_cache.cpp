#include "layers/latent_cache.hpp"

#include <algorithm>

#include "layers/stored_row.hpp"
#include "ops/input.hpp"
#include "ops/run.hpp"
#include "panels/int8_panels.hpp"

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

/// One row in int8 on its way to a file and back.
class Int8Row {
 public:
    explicit Int8Row(std::int64_t widest) : q_(static_cast<std::size_t>(widest)), scale_(q_.size() / 256 + 1), sums_(q_.size() / 16 + 1), block_sums_(q_.size() / 32 + 1) {}

    [[nodiscard]] panels::QuantisedRows of(std::int64_t cols) noexcept { return {q_.data(), scale_.data(), sums_.data(), block_sums_.data(), 1, cols}; }
    [[nodiscard]] static std::span<std::byte> codes(const panels::QuantisedRows& x) noexcept { return std::as_writable_bytes(std::span(x.q, static_cast<std::size_t>(x.cols))); }
    [[nodiscard]] static std::span<std::byte> scales(const panels::QuantisedRows& x) noexcept {
        return std::as_writable_bytes(std::span(x.scale, static_cast<std::size_t>(x.supers())));
    }

 private:
    std::vector<std::int8_t> q_;
    std::vector<float> scale_;
    std::vector<std::int16_t> sums_, block_sums_;
};

}  // namespace

std::size_t LatentCache::bytes_per_token(CacheFormat format, std::int64_t kv_lora, std::int64_t rope) noexcept {
    return static_cast<std::size_t>((plane(format, kv_lora).bytes() + plane(format, rope).bytes()) / page_tokens);
}

bool LatentCache::has_int8(std::int64_t kv_lora, std::int64_t rope) noexcept { return ops::quantisable(kv_lora) && ops::quantisable(rope); }

LatentCache::LatentCache(CacheFormat format, std::int64_t kv_lora, std::int64_t rope, std::pmr::memory_resource& memory)
    : format_(format), latent_(plane(format, kv_lora)), rope_keys_(plane(format, rope)), pages_(static_cast<std::size_t>(latent_.bytes() + rope_keys_.bytes()), memory), blocks_(&memory) {}

void LatentCache::reserve(std::int64_t position) {
    blocks_.reserve(static_cast<std::size_t>(pages_for(std::max(position, this->position()))));
    pages_.reserve(position);
    show_blocks(this->position() / page_tokens);
}

void LatentCache::append(ConstRows c_kv, ConstRows k_pe) {
    reserve(position() + c_kv.rows);
    const auto first_page = position() / page_tokens;
    for (std::int64_t t = 0; t < c_kv.rows; ++t, pages_.advance(1)) {
        auto* const page = pages_.page(position() / page_tokens);
        const auto row = position() % page_tokens;
        store_row(format_, c_kv.row(t), page + row * latent_.row_bytes());
        store_row(format_, k_pe.row(t), page + latent_.bytes() + row * rope_keys_.row_bytes());
    }
    show_blocks(first_page);
}

void LatentCache::append(const panels::QuantisedRows& c_kv, const panels::QuantisedRows& k_pe) {
    reserve(position() + c_kv.rows);
    const auto first_page = position() / page_tokens;
    for (std::int64_t t = 0; t < c_kv.rows; ++t, pages_.advance(1)) {
        auto* const page = pages_.page(position() / page_tokens);
        panels::put_rows(c_kv.slice_rows(t, 1), position() % page_tokens, page);
        panels::put_rows(k_pe.slice_rows(t, 1), position() % page_tokens, page + latent_.bytes());
    }
    show_blocks(first_page);
}

std::int64_t LatentCache::rewind(std::int64_t position) {
    pages_.rewind(position);
    show_blocks(this->position() / page_tokens);
    return this->position();
}

std::unique_ptr<LayerState> LatentCache::fork() const {
    auto twin = std::make_unique<LatentCache>(format_, latent_.cols, rope_keys_.cols, pages_.memory());
    twin->pages_ = pages_.fork();
    twin->show_blocks(0);
    return twin;
}

void LatentCache::save(const SaveBytes& to) const {
    Int8Row row(std::max(latent_.cols, rope_keys_.cols));
    for (const auto& block : blocks_) {
        for (const WeightView& plane : {block.latent, block.rope}) {
            if (format_ != CacheFormat::int8) {
                to({plane.data, static_cast<std::size_t>(plane.bytes())});
                continue;
            }
            for (std::int64_t t = 0; t < plane.rows; ++t) {
                const auto x = row.of(plane.cols);
                panels::take_rows(ops::as_panels(plane), t, x);
                to(Int8Row::codes(x));
                to(Int8Row::scales(x));
            }
        }
    }
}

void LatentCache::load(std::int64_t position, const LoadBytes& from) {
    Int8Row row(std::max(latent_.cols, rope_keys_.cols));
    pages_.load(position, [&](std::byte* to, std::int64_t count) {
        for (const WeightView& plane : {latent_, rope_keys_}) {
            if (format_ != CacheFormat::int8) {
                from({to, static_cast<std::size_t>(plane.slice_rows(0, count).bytes())});
            } else {
                for (std::int64_t t = 0; t < count; ++t) {
                    const auto x = row.of(plane.cols);
                    from(Int8Row::codes(x));
                    from(Int8Row::scales(x));
                    panels::put_rows(x, t, to);
                }
            }
            to += plane.bytes();
        }
    });
    show_blocks(0);
}

// Brings blocks_ from page `first_page` on in line with pages_.
void LatentCache::show_blocks(std::int64_t first_page) {
    const auto pages = pages_for(position());
    blocks_.resize(static_cast<std::size_t>(std::min(first_page, pages)));
    for (auto p = first_page; p < pages; ++p) {
        const auto count = std::min(page_tokens, position() - p * page_tokens);
        const auto* const page = pages_.page(p);
        auto latent = latent_.slice_rows(0, count), rope = rope_keys_.slice_rows(0, count);
        latent.data = page;
        rope.data = page + latent_.bytes();
        blocks_.push_back({latent, rope});
    }
}

}  // namespace rorqual::layers
