#include "families/plan.hpp"

#include "families/session_options.hpp"

namespace rorqual::families {

Plan plan_session(const Network& network, Plan plan, const SessionOptions& options, Mode default_mode, std::size_t workers) {
    const auto& geometry = network.geometry();
    const SessionOptions resolved = resolve(options, network, default_mode);
    plan.context = static_cast<std::uint64_t>(resolved.context);
    plan.cache_per_token = network.cache_bytes_per_token(resolved.cache);
    plan.cache = network.cache_bytes(resolved.cache, resolved.context);
    if (resolved.drafting == Drafting::head) {
        plan.cache_per_token += network.draft_head()->cache_bytes_per_token(resolved.cache);
        plan.cache += network.draft_head()->cache_bytes(resolved.cache, resolved.context - 1);
    }

    // What a session cuts for itself: the network's buffers, final hidden states, the logits of the last token and of guesses behind it, those
    // of a batch on their way to its sessions, and what a draft head needs.
    cpu::Arena counting;
    (void)network.new_workspace(counting, resolved.chunk, resolved.context, workers);
    (void)counting.take_rows(resolved.chunk, network.hidden_width());
    (void)counting.take_rows(1 + resolved.draft_tokens, geometry.vocab_size);
    (void)counting.take_rows(most_batched, batched_logits);
    if (resolved.drafting == Drafting::head) {
        for (int i = 0; i < 2; ++i) (void)counting.take_rows(1 + resolved.draft_tokens, network.hidden_width());
        (void)counting.take_rows(1, geometry.vocab_size);
    }
    plan.scratch = counting.bytes();
    plan.peak = plan.weights + plan.cache + plan.scratch;
    return plan;
}

}  // namespace rorqual::families
