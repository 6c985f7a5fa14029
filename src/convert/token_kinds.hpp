#pragma once

#include <cstdint>
#include <string>

namespace rorqual::convert {

/// The numbers of tokenizer.ggml.token_type. llama.cpp, include/llama.h, enum llama_token_type.
enum TokenKind : std::int32_t {
    normal = 1,
    control = 3,
    user_defined = 4,
    unused = 5,
};

/// What an id that nothing defines is called, as llama.cpp's converter does.
[[nodiscard]] inline std::string unused_token(std::int64_t id) { return "[PAD" + std::to_string(id) + "]"; }

}  // namespace rorqual::convert
