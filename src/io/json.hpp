#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

namespace rorqual::io {

/// Limits on JSON from files: they are hostile until proven otherwise.
struct JsonLimits {
    std::size_t depth = 64;                      ///< nested arrays and objects
    std::size_t bytes = std::size_t{64} << 20;   ///< length of the text
    std::size_t values = std::size_t{8} << 20;   ///< values in all; "[0,0,…" costs 8 bytes of memory for one of text
};

/// Parses JSON text. Throws Error(corrupt) naming `origin`, with the byte offset: syntax, too deep, too long, too many
/// values, a key given twice in one object, a number beyond the range of double, text after the end, invalid UTF-8.
/// The offset is where reading stopped: just behind what is wrong.
[[nodiscard]] nlohmann::json parse_json(std::string_view text, const std::string& origin, JsonLimits limits = {});

}  // namespace rorqual::io
