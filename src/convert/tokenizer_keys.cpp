#include "convert/tokenizer_keys.hpp"

#include <vector>

#include "convert/token_kinds.hpp"
#include "rorqual/error.hpp"
#include "text/byte_alphabet.hpp"
#include "text/named_splittings.hpp"
#include "text/tokenizer_impl.hpp"

namespace rorqual::convert {
namespace {

constexpr const char* origin = "tokenizer.json";

[[noreturn]] void cannot(const std::string& what) {
    throw Error(Status::unsupported, std::string(origin) + ": GGUF cannot say " + what);
}

struct Listed {
    std::vector<std::string> tokens;
    std::vector<std::int32_t> kinds;
};

// Every id in order: entries in the letters of the byte alphabet, added tokens as they are.
Listed list_tokens(const text::TokenizerParts& parts, std::int64_t vocab_size) {
    if (parts.vocabulary.size() > vocab_size) {
        throw Error(Status::unsupported, std::string(origin) + ": " + std::to_string(parts.vocabulary.size()) +
                                             " tokens, expected at most as many as config.json's vocab_size, " + std::to_string(vocab_size));
    }
    Listed list;
    for (std::int64_t id = 0; id < vocab_size; ++id) {
        const auto bytes = parts.vocabulary.bytes(static_cast<Token>(id));
        list.tokens.push_back(bytes.empty() ? unused_token(id) : text::letters_of_bytes(bytes));
        list.kinds.push_back(bytes.empty() ? TokenKind::unused : TokenKind::normal);
    }
    for (const auto& token : parts.added) {
        const auto id = static_cast<std::size_t>(token.id);
        list.tokens[id] = token.content;
        list.kinds[id] = token.special ? TokenKind::control : TokenKind::user_defined;
    }
    return list;
}

std::vector<std::string> list_merges(const text::TokenizerParts& parts) {
    const auto letters = [&](Token id) { return text::letters_of_bytes(parts.vocabulary.bytes(id)); };
    std::vector<std::string> merges;
    merges.reserve(parts.merges.size());
    for (const auto& merge : parts.merges) merges.push_back(letters(merge.left) + " " + letters(merge.right));
    return merges;
}

void write_vocabulary(const std::string& json, std::int64_t vocab_size, io::GgufHeader& header) {
    const auto parts = text::read_tokenizer_json(json, origin);
    const auto splitting = text::name_of_splitting({parts.steps, parts.normalization, parts.whole_words});
    if (!splitting) cannot("how it divides text: pre_tokenizer is none of those that have a name");
    const auto list = list_tokens(parts, vocab_size);
    header.text("tokenizer.ggml.model", "gpt2");
    header.text("tokenizer.ggml.pre", *splitting);
    header.texts("tokenizer.ggml.tokens", list.tokens);
    header.i32s("tokenizer.ggml.token_type", list.kinds);
    header.texts("tokenizer.ggml.merges", list_merges(parts));
}

}  // namespace

void write_tokenizer(const families::TextFiles& text, std::int64_t vocab_size, io::GgufHeader& header) {
    if (!text.tokenizer) return header.text("tokenizer.ggml.model", "none");
    write_vocabulary(text.tokenizer_source, vocab_size, header);
    const auto id = [&](const char* key, Token token) { header.u32(key, static_cast<std::uint32_t>(token)); };
    if (text.bos) id("tokenizer.ggml.bos_token_id", *text.bos);
    header.boolean("tokenizer.ggml.add_bos_token", text.add_bos);
    // Where a generation stops: at the end of a text, of a turn, of a message.
    const char* const ends[] = {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"};
    const auto& stops = text.defaults.stop_tokens;
    for (std::size_t i = 0; i < std::min(stops.size(), std::size(ends)); ++i) id(ends[i], stops[i]);
    if (!text.chat_template.empty()) header.text("tokenizer.chat_template", text.chat_template.text);
}

}  // namespace rorqual::convert
