#include "layers/row_format.hpp"

#include "base/ceil_div.hpp"
#include "layers/stored_row.hpp"
#include "quant/scaled_rows.hpp"

namespace rorqual::layers {

RowFormat RowFormat::of_keys(CacheFormat format, std::int64_t width, std::int64_t rope) noexcept {
    if (format == CacheFormat::compact) return {Values::fp8, width, rope};
    return {format == CacheFormat::bf16 ? Values::bf16 : Values::f32, width, 0};
}

RowFormat RowFormat::of_index_keys(CacheFormat format, std::int64_t width) noexcept {
    if (format == CacheFormat::compact) return {Values::fp4, width, 0};
    return of_keys(format, width, 0);
}

// Behind codes and scales; rows of whole eights of bytes stay aligned for what lies between them.
std::int64_t RowFormat::rope_at() const noexcept { return ceil_div(scaled() + ceil_div(scaled(), quant::e4m3_row_block), std::int64_t{8}) * 8; }

std::int64_t RowFormat::bytes() const noexcept {
    switch (values_) {
        case Values::fp8: return rope_at() + 2 * rope_;
        case Values::fp4: return width_ / 2 + ceil_div(width_, quant::e2m1_row_block);
        case Values::bf16: return 2 * width_;
        case Values::f32: break;
    }
    return 4 * width_;
}

void RowFormat::store(std::span<const float> row, std::byte* to) const noexcept {
    const auto plain = static_cast<std::size_t>(scaled());
    switch (values_) {
        case Values::fp8:
            quant::encode_e4m3_row(row.first(plain), to, to + scaled());
            return store_row(CacheFormat::bf16, row.subspan(plain), to + rope_at());
        case Values::fp4: return quant::encode_e2m1_row(row, to, to + width_ / 2);
        case Values::bf16: return store_row(CacheFormat::bf16, row, to);
        case Values::f32: break;
    }
    store_row(CacheFormat::f32, row, to);
}

void RowFormat::load(const std::byte* from, std::span<float> row) const noexcept {
    const auto plain = static_cast<std::size_t>(scaled());
    switch (values_) {
        case Values::fp8:
            quant::decode_e4m3_row(from, from + scaled(), row.first(plain));
            return load_row(CacheFormat::bf16, from + rope_at(), row.subspan(plain));
        case Values::fp4: return quant::decode_e2m1_row(from, from + width_ / 2, row);
        case Values::bf16: return load_row(CacheFormat::bf16, from, row);
        case Values::f32: break;
    }
    load_row(CacheFormat::f32, from, row);
}

}  // namespace rorqual::layers
