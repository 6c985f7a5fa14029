#pragma once

#include <cstdint>
#include <string>

#include "families/text_files.hpp"
#include "io/gguf_writer.hpp"

namespace rorqual::convert {

/// Adds what a published checkpoint says about text as tokenizer.ggml.* and tokenizer.chat_template: `text` as
/// families::read_text_files gave it. Ids that nothing defines, up to vocab_size, become unused tokens. A checkpoint without
/// tokenizer.json becomes a file that says so. Throws Error(unsupported) for a tokenizer that GGUF cannot describe.
void write_tokenizer(const families::TextFiles& text, std::int64_t vocab_size, io::GgufHeader& header);

}  // namespace rorqual::convert
