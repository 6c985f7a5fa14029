#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace rorqual::io {

/// Limits on JSON from files: they are hostile until proven otherwise.
struct JsonLimits {
    std::size_t depth = 64;                    ///< nested arrays and objects
    std::size_t bytes = std::size_t{64} << 20; ///< length of the text
};

/// Parses JSON text. Throws Error(corrupt) naming `origin`, with the byte offset: syntax, too deep, too long, a key given
/// twice in one object, text after the end, invalid UTF-8.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& origin, JsonLimits limits = {});

}  // namespace rorqual::io
