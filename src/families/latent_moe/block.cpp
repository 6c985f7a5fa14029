#include "families/latent_moe/block.hpp"

namespace rorqual::families::latent_moe {
namespace {

using Choice = std::optional<layers::Router::Choice>;

Choice forward(const layers::DenseFfn& ffn, const ops::Run& run, const ops::Input& h, const Activations& a) {
    ffn.forward(run, h, a.out, a.scratch.inner);
    return std::nullopt;
}

Choice forward(const layers::ExpertFfn& ffn, const ops::Run& run, const ops::Input& h, const Activations& a) {
    return ffn.forward(run, h, a.out, a.scratch.inner, a.scratch.experts);
}

// Each part with the first of its rows.
template <class Body>
void for_parts(std::span<const Part> parts, const Body& body) {
    std::int64_t first = 0;
    for (const Part& part : parts) {
        body(first, part.count, *part.state);
        first += part.count;
    }
}

}  // namespace

// V3.2 §2.1: what index keys are remembered by, and queries where somebody selects.
std::optional<layers::Indexer::Query> Block::index(const ops::Run& run, const ops::Input& latent, const ops::Input& h, const Activations& a,
                                                   std::span<const Part> parts) const {
    if (!indexer) return {};
    const auto keys = indexer->keys(run, h, a.angles, a.scratch.indexer);
    bool selects = false;
    for_parts(parts, [&](std::int64_t first, std::int64_t count, BlockState& state) {
        state.index_keys().append(keys.slice_rows(first, count));
        selects = selects || indexer->selects(state.index_keys().position());
    });
    if (!selects) return {};
    return indexer->query(run, latent, h, a.angles, a.scratch.indexer);
}

void Block::attend(const ops::Run& run, AttentionForm form, const ops::Input& h, const Activations& a, std::span<const Part> parts) const {
    const auto& scratch = a.scratch.mla;
    const auto q = mla.query(run, h, a.angles, scratch);  // eq. (12)–(14), (16): latent c_q, then q_nope and q_pe
    const auto k = mla.keys(run, h, a.angles, scratch);   // eq. (9), (15): only c_kv and k_pe are kept
    const auto index_q = index(run, q.latent, h, a, parts);
    const auto heads = scratch.heads.slice_rows(0, a.h.rows);
    for_parts(parts, [&](std::int64_t first, std::int64_t count, BlockState& state) {
        mla.remember(run, k.slice_rows(first, count), state.latents(), scratch);
        layers::Selection selection;                                                                                                   // everything
        if (index_q) selection = indexer->select(run, index_q->slice_rows(first, count), state.index_keys(), a.scratch.indexer);       // V3.2 eq. (1)–(2)
        mla.attend(run, form, q.heads.slice_rows(first, count), state.latents(), selection, heads.slice_rows(first, count), scratch);  // eq. (17)–(18)
    });
    mla.project(run, heads, a.out, scratch);  // eq. (19)
}

Choice Block::forward(const ops::Run& run, AttentionForm form, const Activations& a, std::span<const Part> parts) const {
    ops::rms_norm(run, a.x, attn_norm, norm_eps, a.h);
    attend(run, form, ops::input(run, a.h, a.scratch.h_int8), a, parts);
    ops::add(a.out, a.x);
    ops::rms_norm(run, a.x, ffn_norm, norm_eps, a.h);
    const auto u = ops::input(run, a.h, a.scratch.h_int8);
    const auto choice = std::visit([&](const auto& layer) { return latent_moe::forward(layer, run, u, a); }, ffn);  // eq. (20)–(22)
    ops::add(a.out, a.x);
    return choice;
}

}  // namespace rorqual::families::latent_moe
