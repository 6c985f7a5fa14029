#include "families/latent_moe/block_state.hpp"

namespace rorqual::families::latent_moe {
namespace {

template <class State>
std::unique_ptr<State> fork_of(const State& state) {
    return std::unique_ptr<State>(static_cast<State*>(state.fork().release()));
}

}  // namespace

BlockState::BlockState(const Config& config, CacheFormat format, std::pmr::memory_resource& memory)
    : latents_(std::make_unique<layers::LatentCache>(format, config.mla.shape.kv_lora_rank, config.mla.shape.qk_rope_head_dim, memory)) {
    if (config.indexer) index_keys_ = std::make_unique<layers::IndexCache>(format, config.indexer->head_dim, memory);
}

std::size_t BlockState::bytes_per_token(const Config& config, CacheFormat format) noexcept {
    const auto& shape = config.mla.shape;
    const auto latents = layers::LatentCache::bytes_per_token(format, shape.kv_lora_rank, shape.qk_rope_head_dim);
    return config.indexer ? latents + layers::IndexCache::bytes_per_token(format, config.indexer->head_dim) : latents;
}

void BlockState::reserve(std::int64_t position) {
    latents_->reserve(position);
    if (!index_keys_) return;
    try {
        index_keys_->reserve(position);
    } catch (...) {
        latents_->rewind(this->position());  // lets the new pages go
        throw;
    }
}

// Both can be cut anywhere.
std::int64_t BlockState::rewind(std::int64_t position) {
    if (index_keys_) index_keys_->rewind(position);
    return latents_->rewind(position);
}

void BlockState::save(const layers::SaveBytes& to) const {
    latents_->save(to);
    if (index_keys_) index_keys_->save(to);
}

void BlockState::load(std::int64_t position, const layers::LoadBytes& from) {
    latents_->load(position, from);
    if (index_keys_) index_keys_->load(position, from);
}

std::unique_ptr<layers::LayerState> BlockState::fork() const {
    std::unique_ptr<BlockState> twin(new BlockState);
    twin->latents_ = fork_of(*latents_);
    if (index_keys_) twin->index_keys_ = fork_of(*index_keys_);
    return twin;
}

}  // namespace rorqual::families::latent_moe
