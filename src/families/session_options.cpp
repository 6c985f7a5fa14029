#include "families/session_options.hpp"

#include <algorithm>
#include <string>

#include "rorqual/error.hpp"

namespace rorqual::families {

SessionOptions resolve(const SessionOptions& options, const Geometry& geometry) {
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
    if (options.cache != CacheFormat::f32 && options.cache != CacheFormat::bf16) {
        refuse("cache", static_cast<std::int64_t>(options.cache), "f32 or bf16");
    }
    if (options.mode != Mode::exact && options.mode != Mode::fast && options.mode != Mode::automatic) {
        refuse("mode", static_cast<std::int64_t>(options.mode), "exact, fast or automatic");
    }
    return resolved;
}

}  // namespace rorqual::families
