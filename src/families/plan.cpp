#include "families/plan.hpp"

#include "families/session_options.hpp"
#include "layers/page.hpp"

namespace rorqual::families {

Plan plan_session(const Network& network, Plan plan, const SessionOptions& options, Mode default_mode, std::size_t workers) {
    const auto& geometry = network.geometry();
    const SessionOptions resolved = resolve(options, network, default_mode);
    const auto pages = (resolved.context + layers::page_tokens - 1) / layers::page_tokens;
    plan.context = static_cast<std::uint64_t>(resolved.context);
    plan.cache_per_token = network.cache_bytes_per_token(resolved.cache);
    plan.cache = static_cast<std::uint64_t>(pages * layers::page_tokens) * plan.cache_per_token;

    // What a session cuts for itself: the network's buffers, final hidden states, the last token's logits.
    cpu::Arena counting;
    (void)network.new_workspace(counting, resolved.chunk, resolved.context, workers);
    (void)counting.take_rows(resolved.chunk, geometry.hidden_size);
    (void)counting.take<float>(geometry.vocab_size);
    plan.scratch = counting.bytes();
    plan.peak = plan.weights + plan.cache + plan.scratch;
    return plan;
}

}  // namespace rorqual::families
