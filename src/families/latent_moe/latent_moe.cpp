#include "families/latent_moe/latent_moe.hpp"

#include <algorithm>

namespace rorqual::families::latent_moe {
namespace {

Block empty_block(const Config& config, std::int64_t layer) {
    Block block;
    block.norm_eps = config.norm_eps;
    block.mla.config = config.mla;
    if (config.indexer) block.indexer = layers::Indexer{*config.indexer, {}};
    if (!config.has_experts(layer)) return block;
    layers::ExpertFfn ffn{config.experts_shape(), {config.router, {}, {}}, {}, std::nullopt};
    ffn.experts.resize(static_cast<std::size_t>(config.router.experts));
    if (config.shared_width > 0) ffn.shared.emplace();
    block.ffn = std::move(ffn);
    return block;
}

}  // namespace

std::unique_ptr<Network> make(ReadConfig read, const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    const auto before = problems.lines().size();
    auto checked = read(config, origin, problems);
    if (problems.lines().size() != before) return nullptr;
    return std::make_unique<LatentMoe>(std::move(checked));
}

LatentMoe::LatentMoe(Config config)
    : config_(std::move(config)), rope_(config_.mla.shape.qk_rope_head_dim, config_.rope_theta, config_.yarn) {
    for (std::int64_t layer = 0; layer < config_.geometry.layers; ++layer) blocks_.push_back(empty_block(config_, layer));
    if (config_.predicts) prediction_.emplace(config_, rope_, empty_block(config_, config_.geometry.layers));
    count_parameters();
}

bool LatentMoe::has_int8_cache() const noexcept {
    const auto& shape = config_.mla.shape;
    return layers::LatentCache::has_int8(shape.kv_lora_rank, shape.qk_rope_head_dim);
}

std::size_t LatentMoe::cache_bytes_per_token(CacheFormat format) const noexcept {
    return blocks_.size() * BlockState::bytes_per_token(config_, format);
}

States LatentMoe::new_states(CacheFormat format, std::pmr::memory_resource& memory) const {
    States states;
    for (std::size_t layer = 0; layer < blocks_.size(); ++layer) states.push_back(std::make_unique<BlockState>(config_, format, memory));
    return states;
}

std::unique_ptr<Workspace> LatentMoe::new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t context, std::size_t workers) const {
    using layers::DenseFfn, layers::ExpertsScratch;
    const auto D = config_.geometry.hidden_size;
    const auto rope = config_.mla.shape.qk_rope_head_dim;
    auto s = std::make_unique<Scratch>();
    for (auto* const rows : {&s->x, &s->h, &s->out}) *rows = arena.take_rows(chunk, D);
    s->h_int8 = ops::take_room(arena, chunk, D);
    for (auto* const rows : {&s->cos, &s->sin}) *rows = arena.take_rows(chunk, rope / 2);
    s->mla = layers::Mla::Scratch::cut(arena, config_.mla, chunk, workers, config_.selects(context));
    if (config_.indexer) s->indexer = layers::Indexer::Scratch::cut(arena, *config_.indexer, chunk, context, workers);
    auto inner = config_.geometry.dense_layers > 0 ? DenseFfn::inner_values(chunk, config_.dense_width) : 0;
    if (config_.geometry.dense_layers < config_.geometry.layers) {
        const auto shape = config_.experts_shape();
        inner = std::max({inner, DenseFfn::inner_values(chunk, config_.shared_width), ExpertsScratch::inner_values(shape, chunk)});
        s->experts = {layers::Router::Scratch::cut(arena, config_.router, chunk, workers),
                      ExpertsScratch::cut(arena, shape, chunk, workers)};
    }
    s->inner = layers::FfnScratch::cut(arena, inner);
    if (prediction_) {
        const auto rows = std::min(chunk, TokenPrediction::most_tokens);
        s->joined = arena.take_rows(rows, 2 * D);
        s->joined_int8 = ops::take_room(arena, rows, 2 * D);
    }
    s->parts = arena.take<Part>(chunk);
    s->products = ops::Scratch::cut(arena, most_decoded_values(), workers);
    return s;
}

// Of the widest matrix, were it quantised.
std::int64_t LatentMoe::most_decoded_values() const {
    const auto& mla = config_.mla;
    const auto widest = std::max({(prediction_ ? 2 : 1) * mla.hidden, mla.q_lora_rank, mla.out_width(), config_.dense_width, config_.expert_width, config_.shared_width});
    return std::max(WeightView::panel_rows * widest, layers::AttentionScratch::decoded_values(mla.shape));
}

void LatentMoe::forward(const ops::Run& given, const Compute& compute, std::span<const Token> tokens, std::span<const Sequence> sequences,
                        Workspace& workspace, Rows hidden) const {
    auto& scratch = static_cast<Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    const auto T = static_cast<std::int64_t>(tokens.size());
    const auto a = scratch.activations(T);
    std::int64_t first = 0;
    for (const Sequence& sequence : sequences) {
        rope_.angles(sequence.position, scratch.cos.slice_rows(first, sequence.count), scratch.sin.slice_rows(first, sequence.count));
        first += sequence.count;
    }
    const auto position = sequences.front().position;
    const auto parts = scratch.parts.first(sequences.size());
    ops::embedding(embedding_, tokens, a.x);
    if (compute.observer) compute.observer->hidden(-1, position, a.x);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        std::ranges::transform(sequences, parts.begin(), [i](const Sequence& s) { return Part{s.count, static_cast<BlockState*>((*s.states)[i].get())}; });
        const auto choice = blocks_[i].forward(run, compute.attention, a, parts);
        if (!compute.observer) continue;
        const auto layer = static_cast<std::int64_t>(i);
        if (choice) compute.observer->experts(layer, position, config_.router.experts_per_token, choice->ids, choice->weights);
        compute.observer->hidden(layer, position, a.x);
    }
    ops::rms_norm(run, a.x, norm_, config_.norm_eps, hidden);
}

void LatentMoe::logits(const ops::Run& given, Workspace& workspace, ConstRows hidden, std::int64_t first, Rows logits) const {
    const auto& scratch = static_cast<Scratch&>(workspace);
    const auto run = given.with(scratch.products);
    ops::matmul(run, head_.slice_rows(first, logits.cols), ops::input(run, hidden, scratch.h_int8), logits);
}

}  // namespace rorqual::families::latent_moe
