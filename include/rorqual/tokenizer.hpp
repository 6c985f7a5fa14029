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

/// Whether text such as "<｜User｜>" becomes the token of that name, or is spelled out like any other text.
enum class AddedTokens {
    ignore,      ///< spelled out: right for text from users, which can then never become a special token
    recognise,   ///< recognised: right for prompts the program itself wrote
};

/// Text ↔ token ids: byte-level BPE as `tokenizer.json` (Hugging Face) describes it.
/// Immutable: any number of threads may use one at once.
class Tokenizer {
 public:
    /// Reads a tokenizer.json. `origin` names it in errors. Throws Error (corrupt, unsupported) that names the key.
    [[nodiscard]] static Tokenizer from_json(std::string_view json, const std::string& origin = "tokenizer.json");

    /// The tokenizer.json of a source; where its path is a JSON file, that file, whatever its name. Throws Error (not_found,
    /// io, corrupt, unsupported).
    [[nodiscard]] static Tokenizer open(const Source& source);

    /// Token ids of UTF-8 text; nothing is added before or after. Invalid UTF-8 throws Error(invalid_argument) with the byte offset.
    [[nodiscard]] std::vector<Token> encode(std::string_view text, AddedTokens added = AddedTokens::ignore) const;

    /// Text of ids. Bytes that are no UTF-8 become U+FFFD, as Hugging Face does. `special` = also print special tokens.
    /// Throws Error(invalid_argument) for an id outside [0, vocab_size()).
    [[nodiscard]] std::string decode(std::span<const Token> tokens, bool special = true) const;

    /// The exact bytes of one token: may be part of a character. Empty for ids that the file leaves undefined.
    [[nodiscard]] std::string_view bytes(Token token) const;

    /// The id of an added token or vocabulary entry, spelled as the text it stands for.
    [[nodiscard]] std::optional<Token> find(std::string_view text) const;

    /// True for added tokens marked special (begin of sentence …).
    [[nodiscard]] bool is_special(Token token) const;

    /// Highest defined id + 1. A model's vocab_size may be larger: the rest is padding.
    [[nodiscard]] std::int64_t vocab_size() const noexcept;

    /// Keys of the file that ask for something encode() does not do, because the caller decides it: truncation, padding, and
    /// post-processors that put tokens around the text ("tokenizer.json: post_processor: TemplateProcessing"). Usually empty.
    [[nodiscard]] const std::vector<std::string>& not_applied() const noexcept;

    /// For the library's own layers.
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
    explicit StreamDecoder(Tokenizer tokenizer, bool special = true);

    /// The text that is certain after this token; may be empty while a character is incomplete. Borrowed until the next call.
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
