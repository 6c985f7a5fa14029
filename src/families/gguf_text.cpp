#include "families/text_files.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

#include "families/token_names.hpp"

namespace rorqual::families {
namespace {

// What the tokenizer follows from, in the order of the file; each entry ends where its own lengths say.
std::string tokenizer_source(const io::GgufMetadata& metadata) {
    std::string source;
    for (std::size_t i = 0; i < metadata.size(); ++i) {
        const auto entry = metadata[i];
        if (!entry.key.starts_with("tokenizer.ggml.")) continue;
        source.append(entry.key).push_back('\0');
        source.push_back(static_cast<char>(entry.type));
        source.append(reinterpret_cast<const char*>(entry.value.data()), entry.value.size());
    }
    return source;
}

// Special tokens in the words of templates.
std::string special_tokens(const io::GgufMetadata& metadata, const Tokenizer& tokenizer) {
    constexpr std::pair<const char*, std::string_view> names[] = {{"tokenizer.ggml.bos_token_id", "bos_token"},
                                                                  {"tokenizer.ggml.eos_token_id", "eos_token"},
                                                                  {"tokenizer.ggml.unknown_token_id", "unk_token"},
                                                                  {"tokenizer.ggml.padding_token_id", "pad_token"}};
    TokenNames tokens;
    for (const auto& [key, name] : names) {
        if (!metadata.has(key)) continue;
        const auto id = static_cast<Token>(metadata.integer(key, 0, tokenizer.vocab_size() - 1));
        tokens.add(name, tokenizer.decode(std::span(&id, 1)));
    }
    return tokens.json();
}

}  // namespace

TextFiles read_gguf_text(const io::GgufMetadata& metadata, std::int64_t vocab_size, weights::Problems& problems) {
    TextFiles text;
    collect(problems, [&] {
        if (metadata.text_or("tokenizer.ggml.model", "none") == "none") return;
        text.tokenizer = Tokenizer::from_gguf(metadata);
        text.tokenizer_source = tokenizer_source(metadata);
    });
    const auto token = [&](const char* key) {
        std::optional<Token> id;
        collect(problems, [&] {
            if (metadata.has(key)) id = static_cast<Token>(metadata.integer(key, 0, vocab_size - 1));
        });
        return id;
    };
    text.bos = token("tokenizer.ggml.bos_token_id");
    collect(problems, [&] { text.add_bos = metadata.boolean_or("tokenizer.ggml.add_bos_token", false); });
    if (text.tokenizer && text.add_bos && !text.bos) {
        problems.add(Status::corrupt, metadata.file() + ": tokenizer.ggml.add_bos_token: expected a tokenizer.ggml.bos_token_id");
    }
    collect(problems, [&] {
        text.chat_template.text = metadata.text_or("tokenizer.chat_template", "");
        text.chat_template.origin = metadata.file() + ": tokenizer.chat_template";
        if (text.tokenizer && !text.chat_template.empty()) text.chat_template.tokens = special_tokens(metadata, *text.tokenizer);
    });
    // End of sentence, of a turn and of a message.
    auto& stop = text.defaults.stop_tokens;
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
        const auto id = token(key);
        if (id && std::ranges::find(stop, *id) == stop.end()) stop.push_back(*id);
    }
    return text;
}

}  // namespace rorqual::families
