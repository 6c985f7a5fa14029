#include "convert/made_up_vocabulary.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "convert/token_kinds.hpp"
#include "rorqual/error.hpp"
#include "text/byte_alphabet.hpp"

namespace rorqual::convert {
namespace {

constexpr std::int64_t most_words = 99'744;  // of DeepSeek-V2: 100,000 tokens without the bytes
constexpr std::int64_t markers = 2;

struct Words {
    std::vector<std::string> tokens;
    std::vector<std::string> merges;  // "left right", by rank
};

// Words of two letters, then of three, and so on, `count` of them: a space or a letter, then letters. Each word is its beginning,
// which is an earlier word, and one letter.
Words first_words(std::int64_t count) {
    const std::string letters = "abcdefghijklmnopqrstuvwxyz";
    std::vector<std::string> beginnings = {text::letters_of_bytes(" ")};
    for (const char letter : letters) beginnings.emplace_back(1, letter);
    Words words;
    while (std::ssize(words.tokens) < count) {
        std::vector<std::string> longer;
        for (const auto& beginning : beginnings) {
            for (const char letter : letters) {
                if (std::ssize(words.tokens) == count) return words;
                longer.push_back(beginning + letter);
                words.tokens.push_back(longer.back());
                words.merges.push_back(beginning + " " + letter);
            }
        }
        beginnings = std::move(longer);
    }
    return words;
}

}  // namespace

void write_made_up_vocabulary(std::int64_t size, io::GgufHeader& header) {
    constexpr std::int64_t bytes = 256;
    if (size < bytes + markers) {
        throw Error(Status::invalid_argument, "vocab_size: " + std::to_string(size) + ", expected at least " + std::to_string(bytes + markers));
    }
    Words words = first_words(std::min(most_words, size - bytes - markers));
    std::vector<std::string> tokens;
    for (std::int64_t byte = 0; byte < bytes; ++byte) tokens.push_back(text::letters_of_bytes(std::string(1, static_cast<char>(byte))));
    std::move(words.tokens.begin(), words.tokens.end(), std::back_inserter(tokens));
    std::vector<std::int32_t> kinds(tokens.size(), TokenKind::normal);
    const auto begin = static_cast<std::uint32_t>(tokens.size());
    for (const char* marker : {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"}) {
        tokens.emplace_back(marker);
        kinds.push_back(TokenKind::control);
    }
    while (std::ssize(tokens) < size) {
        tokens.push_back(unused_token(std::ssize(tokens)));
        kinds.push_back(TokenKind::unused);
    }
    header.text("tokenizer.ggml.model", "gpt2");
    header.text("tokenizer.ggml.pre", "deepseek-llm");
    header.texts("tokenizer.ggml.tokens", tokens);
    header.i32s("tokenizer.ggml.token_type", kinds);
    header.texts("tokenizer.ggml.merges", words.merges);
    header.u32("tokenizer.ggml.bos_token_id", begin);
    header.u32("tokenizer.ggml.eos_token_id", begin + 1);
    header.u32("tokenizer.ggml.padding_token_id", begin + 1);
    header.boolean("tokenizer.ggml.add_bos_token", true);
    header.boolean("tokenizer.ggml.add_eos_token", false);
}

}  // namespace rorqual::convert
