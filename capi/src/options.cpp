#include "options.hpp"

#include <cmath>
#include <cstring>
#include <string>

#include "arguments.hpp"
#include "handles.hpp"

namespace rorqual::capi {
namespace {

std::vector<std::string> stop_strings(const rq_generation_options& o) {
    const auto texts = array(o.stop_strings, o.stop_string_count, "options.stop_strings");
    std::vector<std::string> copied;
    copied.reserve(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string argument = "options.stop_strings[" + std::to_string(i) + "]";
        if (o.stop_string_lens != nullptr) {
            copied.emplace_back(text(texts[i], o.stop_string_lens[i], argument.c_str()));
        } else {
            copied.emplace_back(&required(texts[i], argument.c_str()));
        }
    }
    return copied;
}

}  // namespace

SessionOptions session_options(const rq_session_options* given) {
    const auto o = input_or_defaults(given, "options");
    SessionOptions session;
    constexpr Mode modes[] = {Mode::automatic, Mode::exact, Mode::fast};
    session.mode = modes[code(o.mode, RQ_MODE_FAST + 1, "options.mode")];
    constexpr CacheFormat caches[] = {CacheFormat::automatic, CacheFormat::f32, CacheFormat::bf16, CacheFormat::int8, CacheFormat::compact};
    session.cache = caches[code(o.cache, RQ_CACHE_COMPACT + 1, "options.cache")];
    session.reproducible = !yes_or_no(o.relaxed, "options.relaxed");
    session.context = size(o.context, "options.context");
    constexpr Drafting drafters[] = {Drafting::none, Drafting::lookup, Drafting::head};
    session.drafting = drafters[code(o.drafting, RQ_DRAFTING_HEAD + 1, "options.drafting")];
    session.draft_tokens = o.draft_tokens;
    if (o.chunk != 0) session.chunk = size(o.chunk, "options.chunk");
    return session;
}

SamplingOptions sampling_options(const rq_sampling_options* given) {
    const auto o = input_or_defaults(given, "sampling");
    reserved(o.reserved_pointer, "sampling.reserved_pointer");
    SamplingOptions sampling;
    sampling.temperature = o.temperature;
    sampling.top_k = o.top_k;
    sampling.top_p = o.top_p;
    sampling.min_p = o.min_p;
    if (o.repetition_penalty != 0) sampling.repetition_penalty = o.repetition_penalty;
    sampling.presence_penalty = o.presence_penalty;
    sampling.penalty_window = o.penalty_window;
    sampling.seed = o.seed;
    const auto tokens = array(o.bias_tokens, o.bias_count, "sampling.bias_tokens");
    const auto values = array(o.bias_values, o.bias_count, "sampling.bias_values");
    for (std::size_t i = 0; i < tokens.size(); ++i) sampling.logit_bias.emplace_back(tokens[i], values[i]);
    return sampling;
}

GenerateOptions generation_options(const rq_generation_options* given) {
    const auto o = input_or_defaults(given, "options");
    reserved(o.reserved, "options.reserved");
    GenerateOptions generate;
    generate.sampling = sampling_options(o.sampling);
    generate.limit = static_cast<std::size_t>(size(o.limit, "options.limit"));
    const auto stops = array(o.stop_tokens, o.stop_token_count, "options.stop_tokens");
    generate.stop_tokens.assign(stops.begin(), stops.end());
    generate.stop_strings = stop_strings(o);
    generate.ignore_eos = yes_or_no(o.ignore_stop_tokens, "options.ignore_stop_tokens");
    if (o.grammar != nullptr) generate.grammar = o.grammar->grammar;
    if (o.grammar_after != nullptr) generate.grammar_after = o.grammar_after;
    generate.special = yes_or_no(o.special, "options.special");
    return generate;
}

rq_sampling_options published(const SamplingOptions& options) noexcept {
    rq_sampling_options o = RQ_SAMPLING_OPTIONS_INIT;
    o.temperature = options.temperature;
    o.top_k = options.top_k;
    o.top_p = options.top_p;
    o.min_p = options.min_p;
    o.repetition_penalty = options.repetition_penalty;
    o.presence_penalty = options.presence_penalty;
    o.penalty_window = options.penalty_window;
    o.seed = options.seed;
    return o;
}

}  // namespace rorqual::capi
