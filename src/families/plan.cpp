#include "families/plan.hpp"

#include <algorithm>
#include <string>

#include "layers/page.hpp"
#include "rorqual/error.hpp"

namespace rorqual::families {

Plan plan_session(const Network& network, Plan plan, const SessionOptions& options, std::size_t workers) {
    const auto& geometry = network.geometry();
    const auto context = options.context == 0 ? geometry.context : options.context;
    if (context < 1 || context > geometry.context) {
        throw Error(Status::invalid_argument, "context: " + std::to_string(options.context) + ", expected 0 to " +
                                                  std::to_string(geometry.context) + ", the model's own");
    }
    if (options.chunk < 1) throw Error(Status::invalid_argument, "chunk: " + std::to_string(options.chunk) + ", expected at least 1");

    const auto pages = (context + layers::page_tokens - 1) / layers::page_tokens;
    plan.context = static_cast<std::uint64_t>(context);
    plan.cache_per_token = network.cache_bytes_per_token(options.cache);
    plan.cache = static_cast<std::uint64_t>(pages * layers::page_tokens) * plan.cache_per_token;

    // What a session cuts for itself: the network's buffers, final hidden states, the last token's logits.
    cpu::Arena counting;
    const auto chunk = std::min(options.chunk, context);
    (void)network.new_workspace(counting, chunk, context, workers);
    (void)counting.take_rows(chunk, geometry.hidden_size);
    (void)counting.take<float>(geometry.vocab_size);
    plan.scratch = counting.bytes();
    plan.peak = plan.weights + plan.cache + plan.scratch;
    return plan;
}

}  // namespace rorqual::families
