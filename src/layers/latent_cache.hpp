#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <span>
#include <vector>

#include "layers/paged_tokens.hpp"
#include "layers/state.hpp"
#include "panels/quantised_rows.hpp"
#include "rorqual/model.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// The cached tokens of one page, as matrices that products can use as weights. Token s of the timeline is row s % 128 of
/// block s / 128; every block but the last holds page_tokens rows.
struct KeyBlock {
    WeightView latent;  ///< [count, kv_lora]: c_kv after its norm
    WeightView rope;    ///< [count, rope]: k_pe after its rotation

    /// True if they are panels of int8, which packed products compute with.
    [[nodiscard]] bool is_int8() const noexcept { return latent.packed(); }
};

/// What latent attention remembers of a timeline: per token the latent c_kv and the shared rope key k_pe, nothing else
/// (DeepSeek-V2 §2.1.2–2.1.3). Pages of 128 tokens, each a latent plane [128, kv_lora] followed by a rope plane [128, rope],
/// in f32 or bf16, or in panels of int8; shared between forks, copied when one of them writes.
class LatentCache final : public LayerState {
 public:
    /// `memory` is borrowed for the life of this cache and of all its forks.
    LatentCache(CacheFormat format, std::int64_t kv_lora, std::int64_t rope, std::pmr::memory_resource& memory);

    [[nodiscard]] std::int64_t position() const noexcept override { return pages_.position(); }
    [[nodiscard]] std::size_t bytes() const noexcept override { return pages_.bytes(); }
    void reserve(std::int64_t position) override;
    /// Any position can be cut to; pages behind it are let go.
    std::int64_t rewind(std::int64_t position) override;
    /// Page by page: latents, then rope keys, row after row; in int8 the codes of a row and then its scales.
    void save(const SaveBytes& to) const override;
    void load(std::int64_t position, const LoadBytes& from) override;
    [[nodiscard]] std::unique_ptr<LayerState> fork() const override;

    /// Remembers T more tokens: c_kv [T, kv_lora], k_pe [T, rope] f32, rounded to nearest even where the cache is bf16.
    /// Allocates nothing after reserve(position() + T).
    void append(ConstRows c_kv, ConstRows k_pe);
    /// The same in int8, where the cache is.
    void append(const panels::QuantisedRows& c_kv, const panels::QuantisedRows& k_pe);

    [[nodiscard]] CacheFormat format() const noexcept { return format_; }

    /// True if latents and rope keys of such widths have an int8 form.
    [[nodiscard]] static bool has_int8(std::int64_t kv_lora, std::int64_t rope) noexcept;

    /// All tokens so far, page by page. Borrowed until the next call that is not const.
    [[nodiscard]] std::span<const KeyBlock> blocks() const noexcept { return blocks_; }

    /// Bytes one token takes in its page.
    [[nodiscard]] static std::size_t bytes_per_token(CacheFormat format, std::int64_t kv_lora, std::int64_t rope) noexcept;

 private:
    void show_blocks(std::int64_t first_page);

    CacheFormat format_;
    WeightView latent_, rope_keys_;  // the planes of a page, without data
    PagedTokens pages_;
    std::pmr::vector<KeyBlock> blocks_;
};

}  // namespace rorqual::layers
