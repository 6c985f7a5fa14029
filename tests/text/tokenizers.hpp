#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "rorqual/tokenizer.hpp"

namespace rorqual::test {

/// The text of a file, decompressed if its name ends in ".xz".
[[nodiscard]] std::string read_file(const std::filesystem::path& path);

/// The JSON values of a file that has one a line.
[[nodiscard]] std::vector<nlohmann::json> read_json_lines(const std::filesystem::path& path);

/// tests/data/text: small tokenizers and what Hugging Face `tokenizers` makes of 185 strings with them.
[[nodiscard]] std::filesystem::path bundled(const std::string& name);
[[nodiscard]] Tokenizer bundled_tokenizer(const std::string& name);

/// The smallest tokenizer.json there is, to be changed: 256 bytes with ids in their order, "ab" = 256 and "abc" = 257 merged,
/// an added token "<end>" = 300, no splitting but ByteLevel.
[[nodiscard]] nlohmann::json smallest_tokenizer();

/// The same with these added tokens, all special, from id 1000 on.
[[nodiscard]] Tokenizer tokenizer_with(const std::vector<std::string>& added);

/// Whether all of it is valid UTF-8, by the letter of the standard (independent of the library).
[[nodiscard]] bool is_utf8(std::string_view text);

}  // namespace rorqual::test
