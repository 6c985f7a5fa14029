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

}  // namespace

// V3.2 eq. (1)–(2); without an indexer everything.
layers::Selection Block::select(const ops::Run& run, const ops::Input& latent, const ops::Input& h, const Activations& a, BlockState& state) const {
    if (!indexer) return {};
    indexer->remember(run, h, a.angles, state.index_keys(), a.scratch.indexer);
    return indexer->select(run, latent, h, a.angles, state.index_keys(), a.scratch.indexer);
}

Choice Block::forward(const ops::Run& run, AttentionForm form, const Activations& a, BlockState& state) const {
    const auto& scratch = a.scratch.mla;
    ops::rms_norm(run, a.x, attn_norm, norm_eps, a.h);
    const auto h = ops::input(run, a.h, a.scratch.h_int8);
    const auto q = mla.query(run, h, a.angles, scratch);       // eq. (12)–(14), (16): latent c_q, then q_nope and q_pe
    mla.remember(run, h, a.angles, state.latents(), scratch);  // eq. (9), (15): only c_kv and k_pe are kept
    const auto selection = select(run, q.latent, h, a, state);
    mla.attend(run, form, q, state.latents(), selection, a.out, scratch);  // eq. (17)–(19)
    ops::add(a.out, a.x);
    ops::rms_norm(run, a.x, ffn_norm, norm_eps, a.h);
    const auto u = ops::input(run, a.h, a.scratch.h_int8);
    const auto choice = std::visit([&](const auto& layer) { return latent_moe::forward(layer, run, u, a); }, ffn);  // eq. (20)–(22)
    ops::add(a.out, a.x);
    return choice;
}

}  // namespace rorqual::families::latent_moe
