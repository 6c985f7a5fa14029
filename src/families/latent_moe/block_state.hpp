#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>

#include "families/latent_moe/config.hpp"
#include "layers/index_cache.hpp"
#include "layers/latent_cache.hpp"
#include "layers/state.hpp"

namespace rorqual::families::latent_moe {

/// What one block remembers: latents, and index keys where it has an indexer. Both always stand at the same position between evaluations.
class BlockState final : public layers::LayerState {
 public:
    /// `memory` is borrowed for the life of this state and of all its forks.
    BlockState(const Config& config, CacheFormat format, std::pmr::memory_resource& memory);

    [[nodiscard]] std::int64_t position() const noexcept override { return latents_->position(); }
    [[nodiscard]] std::size_t bytes() const noexcept override { return latents_->bytes() + (index_keys_ ? index_keys_->bytes() : 0); }
    void reserve(std::int64_t position) override;
    std::int64_t rewind(std::int64_t position) override;
    void save(const layers::SaveBytes& to) const override;
    void load(std::int64_t position, const layers::LoadBytes& from) override;
    [[nodiscard]] std::unique_ptr<LayerState> fork() const override;

    [[nodiscard]] layers::LatentCache& latents() noexcept { return *latents_; }
    /// Of a block with an indexer.
    [[nodiscard]] layers::IndexCache& index_keys() noexcept { return *index_keys_; }

    /// Bytes one token takes.
    [[nodiscard]] static std::size_t bytes_per_token(const Config& config, CacheFormat format) noexcept;

 private:
    BlockState() = default;

    std::unique_ptr<layers::LatentCache> latents_;
    std::unique_ptr<layers::IndexCache> index_keys_;  // nullptr: no indexer
};

}  // namespace rorqual::families::latent_moe
