#include "families/deepseek_v2/deepseek_v2.hpp"

#include <algorithm>

namespace rorqual::families::deepseek_v2 {
namespace {

Block empty_block(const Config& config, std::int64_t layer) {
    Block block;
    block.norm_eps = config.norm_eps;
    block.mla.config = config.mla;
    if (!config.has_experts(layer)) return block;
    layers::ExpertFfn ffn{config.experts_shape(), {config.router, {}, {}}, {}, std::nullopt};
    ffn.experts.resize(static_cast<std::size_t>(config.router.experts));
    if (config.shared_width > 0) ffn.shared.emplace();
    block.ffn = std::move(ffn);
    return block;
}

}  // namespace

std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    const auto before = problems.lines().size();
    auto checked = read_config(config, origin, problems);
    if (problems.lines().size() != before) return nullptr;
    return std::make_unique<DeepseekV2>(std::move(checked));
}

DeepseekV2::DeepseekV2(Config config)
    : config_(std::move(config)), rope_(config_.mla.shape.qk_rope_head_dim, config_.rope_theta, config_.yarn) {
    for (std::int64_t layer = 0; layer < config_.geometry.layers; ++layer) blocks_.push_back(empty_block(config_, layer));
    count_parameters();
}

bool DeepseekV2::has_int8_cache() const noexcept {
    const auto& shape = config_.mla.shape;
    return layers::LatentCache::has_int8(shape.kv_lora_rank, shape.qk_rope_head_dim);
}

std::size_t DeepseekV2::cache_bytes_per_token(CacheFormat format) const noexcept {
    const auto& shape = config_.mla.shape;
    return blocks_.size() * layers::LatentCache::bytes_per_token(format, shape.kv_lora_rank, shape.qk_rope_head_dim);
}

States DeepseekV2::new_states(CacheFormat format, std::pmr::memory_resource& memory) const {
    const auto& shape = config_.mla.shape;
    States states;
    for (std::size_t layer = 0; layer < blocks_.size(); ++layer) {
        states.push_back(std::make_unique<layers::LatentCache>(format, shape.kv_lora_rank, shape.qk_rope_head_dim, memory));
    }
    return states;
}

std::unique_ptr<Workspace> DeepseekV2::new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t, std::size_t workers) const {
    using layers::DenseFfn, layers::ExpertsScratch;
    const auto D = config_.geometry.hidden_size;
    const auto rope = config_.mla.shape.qk_rope_head_dim;
    auto s = std::make_unique<Scratch>();
    for (auto* const rows : {&s->x, &s->h, &s->out}) *rows = arena.take_rows(chunk, D);
    s->h_int8 = ops::take_room(arena, chunk, D);
    for (auto* const rows : {&s->cos, &s->sin}) *rows = arena.take_rows(chunk, rope / 2);
    s->mla = layers::Mla::Scratch::cut(arena, config_.mla, chunk, workers);
    auto inner = config_.geometry.dense_layers > 0 ? DenseFfn::inner_values(chunk, config_.dense_width) : 0;
    if (config_.geometry.dense_layers < config_.geometry.layers) {
        const auto shape = config_.experts_shape();
        inner = std::max({inner, DenseFfn::inner_values(chunk, config_.shared_width), ExpertsScratch::inner_values(shape, chunk)});
        s->experts = {layers::Router::Scratch::cut(arena, config_.router, chunk, workers),
                      ExpertsScratch::cut(arena, shape, chunk, workers)};
    }
    s->inner = layers::FfnScratch::cut(arena, inner);
    s->products = ops::Scratch::cut(arena, most_decoded_values(), workers);
    return s;
}

// Of the widest matrix, were it quantised.
std::int64_t DeepseekV2::most_decoded_values() const {
    const auto& mla = config_.mla;
    const auto widest = std::max({mla.hidden, mla.q_lora_rank, mla.out_width(), config_.dense_width, config_.expert_width, config_.shared_width});
    return std::max(WeightView::panel_rows * widest, layers::AttentionScratch::decoded_values(mla.shape));
}

void DeepseekV2::forward(const ops::Run& given, const Compute& compute, std::span<const Token> tokens, std::int64_t position,
                         States& states, Workspace& workspace, Rows hidden) const {
    auto& scratch = static_cast<Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    const auto T = static_cast<std::int64_t>(tokens.size());
    const auto cos = scratch.cos.slice_rows(0, T), sin = scratch.sin.slice_rows(0, T);
    const Activations a{scratch.x.slice_rows(0, T), scratch.h.slice_rows(0, T), scratch.out.slice_rows(0, T), {cos, sin}, scratch};
    rope_.angles(position, cos, sin);
    ops::embedding(embedding_, tokens, a.x);
    if (compute.observer) compute.observer->hidden(-1, position, a.x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        auto& cache = static_cast<layers::LatentCache&>(*states[i]);
        const auto choice = blocks_[i].forward(run, compute.attention, a, cache);
        if (!compute.observer) continue;
        const auto layer = static_cast<std::int64_t>(i);
        if (choice) compute.observer->experts(layer, position, config_.router.experts_per_token, choice->ids, choice->weights);
        compute.observer->hidden(layer, position, a.x);
    }
    ops::rms_norm(run, a.x, norm_, config_.norm_eps, hidden);
}

void DeepseekV2::logits(const ops::Run& given, Workspace& workspace, ConstRows hidden, Rows logits) const {
    const auto& scratch = static_cast<Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    ops::matmul(run, head_, ops::input(run, hidden, scratch.h_int8), logits);
}

}  // namespace rorqual::families::deepseek_v2
