#pragma once

#include <string>
#include <string_view>

namespace rorqual::text {

/// Rewrites a splitting pattern from Oniguruma's syntax (what Hugging Face `tokenizers` compiles) to PCRE2's, so that it
/// matches the same text. What the two read differently is written out: \s is White_Space, \d is \p{Nd}, \p{L}, \p{M},
/// \p{N}, \p{P} and \p{S} are those of Unicode 16.0. What is not understood is refused, never guessed: \w, \b, \h, nested
/// and intersected classes, POSIX classes, named groups, back references, other options than (?i:…).
/// One difference is left: under (?i:…), Oniguruma also lets "ss" match "ß" and the like.
/// Throws Error(unsupported) with `key` and the offset in the pattern.
[[nodiscard]] std::string pcre2_from_oniguruma(std::string_view pattern, const std::string& key);

}  // namespace rorqual::text
