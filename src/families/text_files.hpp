#pragma once

#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "io/file.hpp"
#include "io/gguf_metadata.hpp"
#include "rorqual/model.hpp"
#include "rorqual/tokenizer.hpp"
#include "weights/problems.hpp"

namespace rorqual::families {

/// Runs one step of opening. What it throws becomes a problem, so that the next steps can find theirs.
template <class Step>
void collect(weights::Problems& problems, Step&& step) {
    try {
        std::forward<Step>(step)();
    } catch (const Error& error) {
        problems.add(error.status(), error.what());
    }
}

/// What a checkpoint says about text besides the weights. Every part may be missing.
struct TextFiles {
    std::string tokenizer_source;  ///< tokenizer.json as text, or a GGUF file's keys and values about it; empty = missing
    std::optional<Tokenizer> tokenizer;
    std::optional<Token> bos;  ///< the begin-of-sentence token
    bool add_bos = false;      ///< prompts begin with it
    GenerationDefaults defaults;
    ChatTemplate chat_template;
};

/// Reads tokenizer.json, tokenizer_config.json, chat_template.jinja and generation_config.json. `config`, the contents of config.json, decides what
/// they leave open. vocab_size: token ids lie below. Everything that is wrong goes into `problems`.
[[nodiscard]] TextFiles read_text_files(io::FileSet& files, const nlohmann::json& config, std::int64_t vocab_size,
                                        weights::Problems& problems);

/// The same from a GGUF file's metadata, which recommend no sampling.
[[nodiscard]] TextFiles read_gguf_text(const io::GgufMetadata& metadata, std::int64_t vocab_size, weights::Problems& problems);

}  // namespace rorqual::families
