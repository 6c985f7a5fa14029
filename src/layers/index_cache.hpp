#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>

#include "layers/paged_tokens.hpp"
#include "layers/state.hpp"
#include "rorqual/model.hpp"
#include "rorqual/tensor.hpp"

namespace rorqual::layers {

/// What a lightning indexer remembers of a timeline: one key a token (DeepSeek-V3.2 §2.1), in pages of 128 tokens, f32 or bf16. Where a
/// session keeps its latents in int8, index keys are bf16: which tokens are seen at all depends on them.
class IndexCache final : public LayerState {
 public:
    /// `width`: of a key. `memory` is borrowed for the life of this cache and of all its forks.
    IndexCache(CacheFormat format, std::int64_t width, std::pmr::memory_resource& memory);

    [[nodiscard]] std::int64_t position() const noexcept override { return pages_.position(); }
    [[nodiscard]] std::size_t bytes() const noexcept override { return pages_.bytes(); }
    void reserve(std::int64_t position) override { pages_.reserve(position); }
    /// Any position can be cut to.
    std::int64_t rewind(std::int64_t position) override;
    /// Row after row.
    void save(const SaveBytes& to) const override;
    void load(std::int64_t position, const LoadBytes& from) override;
    [[nodiscard]] std::unique_ptr<LayerState> fork() const override;

    /// Remembers T more keys [T, width] f32. Allocates nothing after reserve(position() + T).
    void append(ConstRows keys);

    /// Keys of page `index` [count, width]: those of tokens 128·index …, up to 128 of them. Borrowed until the next call that is not const.
    [[nodiscard]] WeightView page(std::int64_t index) const noexcept;

    /// Bytes one token takes in its page.
    [[nodiscard]] static std::size_t bytes_per_token(CacheFormat format, std::int64_t width) noexcept;

 private:
    WeightView plane_;  // a page, without data
    PagedTokens pages_;
};

}  // namespace rorqual::layers
