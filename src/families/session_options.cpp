#include "families/session_options.hpp"

#include <algorithm>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::families {

namespace {

void refuse(const char* option, std::int64_t value, const std::string& expected) {
    throw Error(Status::invalid_argument, std::string(option) + ": " + std::to_string(value) + ", expected " + expected);
}

void resolve_drafting(SessionOptions& options, const Network& network) {
    constexpr std::int64_t most = 15;  // verified in one product, of few rows
    if (options.drafting < Drafting::none || options.drafting > Drafting::head) {
        refuse("drafting", static_cast<std::int64_t>(options.drafting), "none, lookup or head");
    }
    if (options.draft_tokens < 0 || options.draft_tokens > most) refuse("draft_tokens", options.draft_tokens, "0 to " + std::to_string(most));
    if (options.drafting == Drafting::head && network.draft_head() == nullptr) {
        throw Error(Status::unsupported, "drafting: head, expected none or lookup: the model has no layer that predicts further tokens");
    }
    if (options.draft_tokens == 0) options.draft_tokens = options.drafting == Drafting::lookup ? 8 : 2;
    // Guesses are verified in one piece, together with the token before them.
    options.draft_tokens = options.drafting == Drafting::none ? 0 : std::min(options.draft_tokens, options.chunk - 1);
}

void resolve_cache(SessionOptions& options, const Network& network) {
    if (options.cache < CacheFormat::f32 || options.cache > CacheFormat::compact) {
        refuse("cache", static_cast<std::int64_t>(options.cache), "f32, bf16, int8, compact or automatic");
    }
    if (options.cache == CacheFormat::automatic) {
        options.cache = options.mode == Mode::fast && network.has_int8_cache() ? CacheFormat::int8 : CacheFormat::f32;
    }
    if (options.cache == CacheFormat::int8 && !network.has_int8_cache()) {
        throw Error(Status::unsupported, "cache: int8, expected f32 or bf16: the model's latents are not made of blocks of 32");
    }
    if (options.cache == CacheFormat::compact && !network.has_compact_cache()) {
        throw Error(Status::unsupported, std::string("cache: compact, expected f32") + (network.has_int8_cache() ? ", bf16 or int8" : " or bf16") +
                                             ": the model has no compressed attention, or index keys that are not as wide as a power of two");
    }
}

}  // namespace

SessionOptions resolve(const SessionOptions& options, const Network& network, Mode default_mode) {
    const Geometry& geometry = network.geometry();
    SessionOptions resolved = options;
    if (options.context == 0) resolved.context = geometry.context;
    if (resolved.context < 1 || resolved.context > geometry.context) {
        refuse("context", options.context, "0 to " + std::to_string(geometry.context) + ", the model's own");
    }
    if (options.chunk < 1) refuse("chunk", options.chunk, "at least 1");
    resolved.chunk = std::min(options.chunk, resolved.context);
    if (options.mode != Mode::exact && options.mode != Mode::fast && options.mode != Mode::automatic) {
        refuse("mode", static_cast<std::int64_t>(options.mode), "exact, fast or automatic");
    }
    if (resolved.mode == Mode::automatic) resolved.mode = default_mode;
    resolve_cache(resolved, network);
    resolve_drafting(resolved, network);
    return resolved;
}

}  // namespace rorqual::families
