#include "families/deepseek_v4/deepseek_v4.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace rorqual::families::deepseek_v4 {

std::unique_ptr<Network> make(const nlohmann::json& config, const weights::ConfigOrigin& origin, weights::Problems& problems) {
    const auto before = problems.lines().size();
    auto checked = read_config(config, origin, problems);
    if (problems.lines().size() != before) return nullptr;
    return std::make_unique<DeepseekV4>(std::move(checked));
}

DeepseekV4::DeepseekV4(Config config)
    : config_(std::move(config)),
      rope_(config_.attention.rope, config_.rope_theta),
      compress_rope_(config_.attention.rope, config_.compress_rope_theta, config_.yarn),
      output_{{config_.hyper, {}, {}, {}}, {}, {}} {
    for (std::int64_t layer = 0; layer < config_.geometry.layers; ++layer) blocks_.push_back(empty_block(config_.ratios[static_cast<std::size_t>(layer)], layer < config_.hash_layers));
    count_parameters();
}

// Files announce the block that drafts also where they leave it out.
void DeepseekV4::choose_parts(const weights::StoredTensors& stored) {
    const auto first = stored.lower_bound(TokenPrediction::prefix);
    if (config_.predicts && first != stored.end() && first->first.starts_with(TokenPrediction::prefix)) {
        prediction_.emplace(config_, rope_, empty_block(Ratio::none, false));
    }
}

Block DeepseekV4::empty_block(Ratio ratio, bool by_token) const {
    const auto& c = config_;
    Block block;
    block.norm_eps = c.norm_eps;
    block.attn_hyper.config = block.ffn_hyper.config = c.hyper;
    auto& attention = block.attention;
    attention.config = c.attention;
    attention.weights.no_scale.assign(static_cast<std::size_t>(c.attention.width), 1.0f);
    const layers::Compressor::Config compressor{.ratio = static_cast<std::int64_t>(ratio),
                                                .overlaps = ratio == Ratio::sparse,
                                                .hidden = c.geometry.hidden_size,
                                                .width = c.attention.width,
                                                .rope = c.attention.rope,
                                                .norm_eps = c.norm_eps};
    if (ratio != Ratio::none) attention.compressor.emplace().config = compressor;
    if (ratio == Ratio::sparse) {
        auto& indexer = attention.indexer.emplace();
        indexer.config = c.indexer;
        indexer.compressor.config = compressor;
        indexer.compressor.config.width = c.indexer.width;
    }
    block.ffn = {c.experts_shape(), {c.router, {}, {}}, {}, std::nullopt};
    block.ffn.experts.resize(static_cast<std::size_t>(c.router.experts));
    if (c.shared_width > 0) block.ffn.shared.emplace().limit = c.swiglu_limit;
    if (by_token) block.hash.emplace();
    return block;
}

const Rope& DeepseekV4::rope_of(std::int64_t layer) const noexcept {
    return config_.ratios[static_cast<std::size_t>(layer)] == Ratio::none ? rope_ : compress_rope_;
}

bool DeepseekV4::has_compact_cache() const noexcept {
    return !config_.has_indexer() || std::has_single_bit(static_cast<std::uint64_t>(config_.indexer.width));
}

std::size_t DeepseekV4::cache_bytes_per_token(CacheFormat format) const noexcept {
    double bytes = 0;
    for (const Block& block : blocks_) bytes += layers::SharedKvCache::bytes_per_token(format, block.attention.cache_sizes());
    return static_cast<std::size_t>(std::ceil(bytes));
}

std::uint64_t DeepseekV4::cache_bytes(CacheFormat format, std::int64_t tokens) const {
    std::uint64_t bytes = 0;
    for (const Block& block : blocks_) bytes += layers::SharedKvCache::bytes_at(format, block.attention.cache_sizes(), tokens);
    return bytes;
}

States DeepseekV4::new_states(CacheFormat format, std::pmr::memory_resource& memory) const {
    States states;
    for (const Block& block : blocks_) states.push_back(std::make_unique<layers::SharedKvCache>(format, block.attention.cache_sizes(), memory));
    return states;
}

std::unique_ptr<Workspace> DeepseekV4::new_workspace(cpu::Arena& arena, std::int64_t chunk, std::int64_t context, std::size_t workers) const {
    const auto& c = config_;
    const auto D = c.geometry.hidden_size;
    const auto experts = c.experts_shape();
    auto s = std::make_unique<Scratch>();
    for (auto* const rows : {&s->h, &s->out}) *rows = arena.take_rows(chunk, D);
    s->h_int8 = ops::take_room(arena, chunk, D);
    s->mix = arena.take_rows(chunk, c.hyper.mix_width());
    s->attention = layers::SharedKvAttention::Scratch::cut(arena, c.attention, c.has_indexer() ? &c.indexer : nullptr, c.most_entries(context), workers);
    s->inner = layers::FfnScratch::cut(arena, std::max(layers::DenseFfn::inner_values(chunk, c.shared_width), layers::ExpertsScratch::inner_values(experts, chunk)));
    s->experts = {layers::Router::Scratch::cut(arena, c.router, chunk, workers), layers::ExpertsScratch::cut(arena, experts, chunk, workers)};
    s->parts = arena.take<Part>(chunk);
    s->products = ops::Scratch::cut(arena, most_decoded_values(), workers);
    return s;
}

// Of the widest matrix, were it quantised.
std::int64_t DeepseekV4::most_decoded_values() const noexcept {
    const auto& a = config_.attention;
    return WeightView::panel_rows * std::max({config_.hyper.streams * a.hidden, a.q_lora_rank, a.group_width(), a.o_groups * a.o_lora_rank,
                                              config_.expert_width, config_.shared_width});
}

void DeepseekV4::forward(const ops::Run& given, const Compute& compute, std::span<const Token> tokens, std::span<const Sequence> sequences,
                         Workspace& workspace, Rows hidden) const {
    auto& scratch = static_cast<Scratch&>(workspace);
    auto run = given.with(scratch.products);
    run.gemm = ops::Gemm::own;
    const auto D = config_.geometry.hidden_size;
    const auto a = scratch.activations(tokens, hidden);
    ops::embedding(embedding_, tokens, a.h);
    for (std::int64_t i = 0; i < config_.hyper.streams; ++i) {
        for (std::int64_t t = 0; t < a.h.rows; ++t) std::ranges::copy(a.h.row(t), a.streams.slice_cols(i * D, D).row(t).begin());
    }
    const auto position = sequences.front().position;
    const auto parts = scratch.parts.first(sequences.size());
    if (compute.observer) compute.observer->hidden(-1, position, a.streams);
    for (std::size_t i = 0; i < blocks_.size(); ++i) {
        const auto layer = static_cast<std::int64_t>(i);
        std::ranges::transform(sequences, parts.begin(), [i](const Sequence& s) { return Part{s.count, static_cast<layers::SharedKvCache*>((*s.states)[i].get())}; });
        const auto choice = blocks_[i].forward(run, a, rope_of(layer), parts);
        if (!compute.observer) continue;
        compute.observer->experts(layer, position, config_.router.experts_per_token, choice.ids, choice.weights);
        compute.observer->hidden(layer, position, a.streams);
    }
}

void DeepseekV4::logits(const ops::Run& given, Workspace& workspace, ConstRows hidden, std::int64_t first, Rows logits) const {
    const auto& scratch = static_cast<Scratch&>(workspace);
    auto run = given.with(scratch.products);
    run.gemm = ops::Gemm::own;
    output_.logits(run, hidden, config_.norm_eps, first, logits, scratch);
}

}  // namespace rorqual::families::deepseek_v4
