#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual {

class Source;
namespace io {
class GgufMetadata;
}

/// Whether text such as "<｜User｜>" becomes the token of that name, or is spelled out like any other text.
enum class AddedTokens {
    ignore,     ///< spelled out: right for text from users, which can then never become a special token
    recognise,  ///< recognised: right for prompts the program itself wrote
};

/// Text ↔ token ids: byte-level BPE as `tokenizer.json` (Hugging Face `tokenizers`, version "1.0") or a GGUF file describes it.
///
///     const auto tokenizer = Tokenizer::open(Source::path("models/v2-lite"));
///     std::vector<Token> prompt = tokenizer.encode("<｜User｜>", AddedTokens::recognise);
///     const auto question = tokenizer.encode(what_somebody_typed);            // never a special token
///     prompt.insert(prompt.end(), question.begin(), question.end());
///
/// A cheap value: copies share one immutable vocabulary. Any number of threads may use one at once.
/// Besides the errors named below, every function may throw std::bad_alloc.
class Tokenizer {
 public:
    /// Reads a tokenizer.json, which is not needed afterwards; `origin` names it in errors.
    /// Read are: model BPE over bytes; splitters Split (Isolated), Digits and ByteLevel; normaliser NFC; decoder ByteLevel;
    /// added tokens. Throws Error(unsupported) for anything else and Error(corrupt) for what contradicts itself, both with
    /// the key: "tokenizer.json: pre_tokenizer.pretokenizers[0].behavior: …".
    [[nodiscard]] static Tokenizer from_json(std::string_view json, const std::string& origin = "tokenizer.json");

    /// The tokenizer of a source: of the GGUF file (or the first part of a split) that it is or that its folder holds instead
    /// of safetensors, else its tokenizer.json; where its path is a JSON file, that file, whatever its name.
    /// From a GGUF file: tokenizer.ggml.model "gpt2" and the splittings that tokenizer.ggml.pre calls deepseek-llm,
    /// deepseek-coder, deepseek-v3, joyai-llm, deepseek-r1-qwen, qwen2, llama-bpe and gpt-2.
    /// Throws Error(not_found, io, callback, corrupt, unsupported).
    [[nodiscard]] static Tokenizer open(const Source& source);

    /// Token ids of UTF-8 text, of at most 4 GiB; nothing is added before or after. The ids are those of Hugging Face
    /// `tokenizers`; with `ignore`, those it gives when it knows no added tokens, except that a special token is not even
    /// made where the file's own merges lead to it.
    /// Time grows as n log n at worst, whatever the text is; scratch memory is at most about 40 bytes a byte of the longest
    /// run that nothing splits. (A file with unpublished splitting patterns brings the cost of its own patterns.)
    /// Throws Error(invalid_argument) with the offset of the first byte that is no UTF-8; Error(unsupported) if one of the
    /// file's patterns explodes on this text.
    [[nodiscard]] std::vector<Token> encode(std::string_view text, AddedTokens added = AddedTokens::ignore) const;

    /// Text of ids; always UTF-8: bytes that are none become U+FFFD, one for each maximal part of a character.
    /// `special` = also print special tokens. An added token is printed as it is written.
    /// Throws Error(invalid_argument) for an id outside [0, vocab_size()).
    [[nodiscard]] std::string decode(std::span<const Token> tokens, bool special = true) const;

    /// The exact bytes of one token: may be part of a character. Empty for ids that the file leaves undefined and for those
    /// outside the vocabulary. Valid as long as any copy of this tokenizer lives.
    [[nodiscard]] std::string_view bytes(Token token) const;

    /// The id of an added token or vocabulary entry, spelled as the text (or bytes) it stands for: " the", "<｜User｜>".
    [[nodiscard]] std::optional<Token> find(std::string_view text) const;

    /// True for added tokens marked special (begin of sentence …). False for ids outside the vocabulary.
    [[nodiscard]] bool is_special(Token token) const;

    /// Highest defined id + 1. A model's vocab_size may be larger: the rest is padding.
    [[nodiscard]] std::int64_t vocab_size() const noexcept;

    /// Keys of the file that ask for something encode() does not do, because the caller decides it: truncation, padding, and
    /// post-processors that put tokens around the text ("tokenizer.json: post_processor: TemplateProcessing"). Usually empty.
    [[nodiscard]] const std::vector<std::string>& not_applied() const noexcept;

    /// For the library's own layers.
    [[nodiscard]] static Tokenizer from_gguf(const io::GgufMetadata& metadata);
    class Impl;
    [[nodiscard]] const std::shared_ptr<const Impl>& impl() const noexcept { return impl_; }

 private:
    explicit Tokenizer(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
    std::shared_ptr<const Impl> impl_;
};

/// Turns a stream of tokens into a stream of text without ever splitting a character.
/// All pieces joined, with finish() at the end, equal Tokenizer::decode of all tokens. One thread at a time.
class StreamDecoder {
 public:
    /// `special` = also print special tokens.
    explicit StreamDecoder(Tokenizer tokenizer, bool special = true);

    /// The text that is certain after this token; may be empty while a character is incomplete. Borrowed until the next call.
    /// Throws Error(invalid_argument) for an id outside [0, vocab_size()); the stream then goes on as if it had not been.
    std::string_view push(Token token);

    /// What is left: bytes that never became a character come out as U+FFFD. Starts anew. Borrowed until the next call.
    std::string_view finish();

 private:
    Tokenizer tokenizer_;
    bool special_;
    std::string pending_;
    std::string text_;
};

}  // namespace rorqual
