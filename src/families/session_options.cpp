#include "families/session_options.hpp"

#include <algorithm>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::families {

SessionOptions resolve(const SessionOptions& options, const Network& network, Mode default_mode) {
    const Geometry& geometry = network.geometry();
    const auto refuse = [](const char* option, std::int64_t value, const std::string& expected) {
        throw Error(Status::invalid_argument, std::string(option) + ": " + std::to_string(value) + ", expected " + expected);
    };
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
    if (options.cache < CacheFormat::f32 || options.cache > CacheFormat::automatic) {
        refuse("cache", static_cast<std::int64_t>(options.cache), "f32, bf16, int8 or automatic");
    }
    if (resolved.cache == CacheFormat::automatic) {
        resolved.cache = resolved.mode == Mode::fast && network.has_int8_cache() ? CacheFormat::int8 : CacheFormat::f32;
    }
    if (resolved.cache == CacheFormat::int8 && !network.has_int8_cache()) {
        throw Error(Status::unsupported, "cache: int8, expected f32 or bf16: the model's latents are not made of blocks of 32");
    }
    return resolved;
}

}  // namespace rorqual::families
