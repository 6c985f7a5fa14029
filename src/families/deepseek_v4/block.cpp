#include "families/deepseek_v4/block.hpp"

namespace rorqual::families::deepseek_v4 {

// Each part alone: what it attends to and what its compressors have open is its own.
void Block::attend(const ops::Run& run, const Activations& a, const Rope& rope, std::span<const Part> parts) const {
    const auto h = ops::input(run, a.h, a.scratch.h_int8);
    std::int64_t first = 0;
    for (const Part& part : parts) {
        attention.forward(run, h.slice_rows(first, part.count), rope, *part.cache, a.out.slice_rows(first, part.count), a.scratch.attention);
        first += part.count;
    }
}

layers::Router::Choice Block::forward(const ops::Run& run, const Activations& a, const Rope& rope, std::span<const Part> parts) const {
    const auto& s = a.scratch;
    const auto attn_mix = attn_hyper.read(run, a.streams, a.h, s.mix);
    ops::rms_norm(run, a.h, attn_norm, norm_eps, a.h);
    attend(run, a, rope, parts);
    attn_hyper.write(run, attn_mix, a.out, a.streams);

    const auto ffn_mix = ffn_hyper.read(run, a.streams, a.h, s.mix);
    ops::rms_norm(run, a.h, ffn_norm, norm_eps, a.h);
    const auto h = ops::input(run, a.h, s.h_int8);
    const auto choice = hash ? hash->choose(run, ffn.router, a.tokens, a.h, s.experts.router) : ffn.router.choose(run, a.h, s.experts.router);
    ffn.mix(run, choice, h, a.out, s.inner, s.experts.experts);
    ffn_hyper.write(run, ffn_mix, a.out, a.streams);
    return choice;
}

}  // namespace rorqual::families::deepseek_v4
