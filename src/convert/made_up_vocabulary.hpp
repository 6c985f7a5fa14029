#pragma once

#include <cstdint>

#include "io/gguf_writer.hpp"

namespace rorqual::convert {

/// Adds the keys of a tokenizer with `size` tokens that nobody trained: byte-level BPE ("gpt2") whose merges build every short word
/// of letters, shortest first, so that any text can be encoded and English text takes about half as many tokens as letters.
/// Ids: the 256 bytes, the words, then, as in DeepSeek-V2, the two tokens that begin and end a text, and unused ones up to `size`.
/// Throws Error(invalid_argument) below 258.
void write_made_up_vocabulary(std::int64_t size, io::GgufHeader& header);

}  // namespace rorqual::convert
