#pragma once

#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/gguf_metadata.hpp"
#include "rorqual/tokenizer.hpp"
#include "text/added_tokens.hpp"
#include "text/bpe.hpp"
#include "text/normalizer.hpp"
#include "text/pretokenizer.hpp"
#include "text/token_trie.hpp"
#include "text/vocabulary.hpp"

namespace rorqual {

namespace text {

/// What a file says about a tokenizer, checked: every id is defined, every merge joins entries into an entry.
struct TokenizerParts {
    Vocabulary vocabulary{0, 0, 0};
    std::array<Token, 256> byte_tokens{};
    std::vector<Merge> merges;
    bool whole_words = false;
    std::vector<AddedToken> added;
    Normalization normalization = Normalization::none;
    std::vector<SplitStep> steps;
    std::vector<std::string> not_applied;
};

/// Reads a tokenizer.json (Hugging Face `tokenizers`, version "1.0"). Throws Error(corrupt | unsupported) that names `origin` and key.
[[nodiscard]] TokenizerParts read_tokenizer_json(std::string_view json, const std::string& origin);

/// Reads the tokenizer of a GGUF file ("tokenizer.ggml.…"). Throws Error(not_found | corrupt | unsupported) that names file and key.
[[nodiscard]] TokenizerParts read_gguf_tokenizer(const io::GgufMetadata& metadata);

/// Where a GGUF file has the merges, as text; and where packed models have them instead, as ids: left, right and merged entry of each.
inline constexpr const char* merges_key = "tokenizer.ggml.merges";
inline constexpr const char* merged_ids_key = "tokenizer.rorqual.merged_ids";
[[nodiscard]] std::vector<std::int32_t> merged_ids(const io::GgufMetadata& metadata);

/// A part of a text, and whether added tokens count in it.
struct TextPart {
    std::string_view text;
    AddedTokens added;
};

}  // namespace text

class Tokenizer::Impl {
 public:
    explicit Impl(text::TokenizerParts parts);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

    [[nodiscard]] std::vector<Token> encode(std::string_view text, AddedTokens added) const;
    /// The ids of parts as one text: what lies between added tokens is encoded as a whole, over the borders of parts.
    [[nodiscard]] std::vector<Token> encode(std::span<const text::TextPart> parts) const;

    /// Made by whoever asks first: only grammars need it. Any thread; throws std::bad_alloc.
    [[nodiscard]] const text::TokenTrie& trie() const;

    const text::Vocabulary vocabulary;
    const std::vector<std::string> not_applied;

 private:
    /// Calls on_text(text between added tokens, normalised) and on_token(token), in order.
    template <class OnText, class OnToken>
    void split_added(std::string_view text, const OnText& on_text, const OnToken& on_token) const;

    text::Bpe bpe_;  // borrows vocabulary
    text::Pretokenizer pretokenizer_;
    text::Normalization normalization_;
    text::AddedTokenMatcher raw_tokens_;         // looked for first, in the text as it is
    text::AddedTokenMatcher normalized_tokens_;  // looked for in what is left, normalised
    mutable std::once_flag trie_once_;
    mutable std::optional<text::TokenTrie> trie_;
};

}  // namespace rorqual
