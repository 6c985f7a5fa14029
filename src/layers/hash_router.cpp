#include "layers/hash_router.hpp"

#include <algorithm>

namespace rorqual::layers {

Router::Choice HashRouter::choose(const ops::Run& run, const Router& router, std::span<const Token> tokens, ConstRows x,
                                  const Router::Scratch& scratch) const {
    const auto k = static_cast<std::size_t>(router.options.experts_per_token);
    const auto logits = scratch.logits.slice_rows(0, x.rows);
    ops::matmul(run, router.gate, x, logits);
    run.parallel_for(x.rows, [&](std::int64_t token, std::size_t) {
        const auto t = static_cast<std::size_t>(token);
        const auto ids = scratch.ids.subspan(t * k, k);
        std::copy_n(experts_of.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(tokens[t]) * k), k, ids.begin());
        score_experts(router.options.scoring, logits.row(token));
        weigh_experts(router.options, logits.row(token), ids, scratch.weights.subspan(t * k, k));
    });
    const auto slots = tokens.size() * k;
    return {scratch.ids.first(slots), scratch.weights.first(slots)};
}

}  // namespace rorqual::layers
