#include "rorqual/tokenizer.hpp"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "io/file.hpp"
#include "io/gguf.hpp"
#include "io/json.hpp"
#include "rorqual/error.hpp"
#include "rorqual/source.hpp"
#include "text/tokenizer_impl.hpp"
#include "text/utf8.hpp"

namespace rorqual {
namespace {

// The added tokens of one kind, with contents as they will be looked for.
text::AddedTokenMatcher matcher(const text::TokenizerParts& parts, bool normalized) {
    std::vector<text::AddedToken> chosen;
    std::copy_if(parts.added.begin(), parts.added.end(), std::back_inserter(chosen),
                 [=](const text::AddedToken& token) { return token.normalized == normalized; });
    for (text::AddedToken& token : chosen) {
        std::string storage;
        if (normalized) token.content = std::string(text::normalized(parts.normalization, token.content, storage));
    }
    return text::AddedTokenMatcher(std::move(chosen));
}

void check_is_utf8(std::string_view text) {
    if (text.size() > UINT32_MAX) throw Error(Status::invalid_argument, "text: longer than 4 GiB");
    if (const std::size_t at = text::first_invalid_utf8(text); at != std::string_view::npos) {
        throw Error(Status::invalid_argument, "text: byte " + std::to_string(at) + " is not UTF-8");
    }
}

void check_is_token(Token token, std::int64_t vocab_size) {
    if (token >= 0 && token < vocab_size) return;
    throw Error(Status::invalid_argument, "token " + std::to_string(token) + ": expected 0 to " + std::to_string(vocab_size - 1));
}

}  // namespace

Tokenizer::Impl::Impl(text::TokenizerParts parts)
    : vocabulary(std::move(parts.vocabulary)),
      not_applied(std::move(parts.not_applied)),
      bpe_(vocabulary, parts.byte_tokens, parts.merges, parts.whole_words),
      pretokenizer_(parts.steps),
      normalization_(parts.normalization),
      raw_tokens_(matcher(parts, false)),
      normalized_tokens_(matcher(parts, true)) {}

const text::TokenTrie& Tokenizer::Impl::trie() const {
    std::call_once(trie_once_, [this] { trie_.emplace(vocabulary); });
    return *trie_;
}

template <class OnText, class OnToken>
void Tokenizer::Impl::split_added(std::string_view text, const OnText& on_text, const OnToken& on_token) const {
    std::string storage;
    raw_tokens_.split(
        text, [&](std::string_view part) {
            normalized_tokens_.split(text::normalized(normalization_, part, storage), on_text, on_token);
        },
        on_token);
}

std::vector<Token> Tokenizer::Impl::encode(std::string_view text, AddedTokens added) const {
    check_is_utf8(text);
    std::vector<Token> tokens;
    tokens.reserve(text.size() / 4 + 1);
    text::Bpe::Encoder encoder(bpe_, text.size());

    const auto merge = [&](std::string_view piece) { encoder.encode(piece, tokens); };
    const auto spell = [&](std::string_view part) { pretokenizer_.split(part, merge); };
    if (added == AddedTokens::recognise) {
        split_added(text, spell, [&](Token token) { tokens.push_back(token); });
    } else {
        std::string storage;
        spell(text::normalized(normalization_, text, storage));
    }
    return tokens;
}

std::vector<Token> Tokenizer::Impl::encode(std::span<const text::TextPart> parts) const {
    std::size_t bytes = 0;
    for (const auto& part : parts) {
        check_is_utf8(part.text);
        bytes += part.text.size();
    }
    std::vector<Token> tokens;
    tokens.reserve(bytes / 4 + 1);
    text::Bpe::Encoder encoder(bpe_, bytes);

    std::string plain, storage;  // text since the last added token
    const auto merge = [&](std::string_view piece) { encoder.encode(piece, tokens); };
    const auto spell = [&] {
        check_is_utf8(plain);  // parts are UTF-8; together they may be too long
        pretokenizer_.split(text::normalized(normalization_, plain, storage), merge);
        plain.clear();
    };
    for (const auto& part : parts) {
        if (part.added == AddedTokens::ignore) {
            plain += part.text;
            continue;
        }
        split_added(
            part.text, [&](std::string_view between) { plain += between; },
            [&](Token token) {
                spell();
                tokens.push_back(token);
            });
    }
    spell();
    return tokens;
}

Tokenizer Tokenizer::from_json(std::string_view json, const std::string& origin) {
    return Tokenizer(std::make_shared<const Impl>(text::read_tokenizer_json(json, origin)));
}

Tokenizer Tokenizer::from_gguf(const io::GgufMetadata& metadata) {
    return Tokenizer(std::make_shared<const Impl>(text::read_gguf_tokenizer(metadata)));
}

Tokenizer Tokenizer::open(const Source& source) {
    const auto& files = source.file_set();
    if (const auto gguf = io::find_gguf(*files)) {  // the first part of a split has all metadata
        return from_gguf(io::Gguf::read_header(files->require(io::first_part_name(*gguf), "the tokenizer")).metadata);
    }
    const std::string name = files->chosen().ends_with(".json") ? files->chosen() : "tokenizer.json";
    const auto file = files->require(name, "the tokenizer");
    return from_json(io::read_text(*file, io::JsonLimits{}.bytes), file->name());
}

std::vector<Token> Tokenizer::encode(std::string_view text, AddedTokens added) const { return impl_->encode(text, added); }

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
    std::string bytes;
    for (const Token token : tokens) {
        check_is_token(token, vocab_size());
        if (special || !is_special(token)) bytes += impl_->vocabulary.bytes(token);
    }
    if (text::first_invalid_utf8(bytes) == std::string_view::npos) return bytes;
    std::string text;
    if (text::append_lossy(text, bytes) > 0) text += text::replacement_character;
    return text;
}

std::string_view Tokenizer::bytes(Token token) const { return impl_->vocabulary.bytes(token); }

std::optional<Token> Tokenizer::find(std::string_view text) const { return impl_->vocabulary.find(text); }

bool Tokenizer::is_special(Token token) const { return impl_->vocabulary.is_special(token); }

std::int64_t Tokenizer::vocab_size() const noexcept { return impl_->vocabulary.size(); }

const std::vector<std::string>& Tokenizer::not_applied() const noexcept { return impl_->not_applied; }

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool special) : tokenizer_(std::move(tokenizer)), special_(special) {}

std::string_view StreamDecoder::push(Token token) {
    check_is_token(token, tokenizer_.vocab_size());
    text_.clear();
    if (!special_ && tokenizer_.is_special(token)) return text_;
    pending_ += tokenizer_.bytes(token);
    const std::size_t unfinished = text::append_lossy(text_, pending_);
    pending_.erase(0, pending_.size() - unfinished);
    return text_;
}

std::string_view StreamDecoder::finish() {
    text_.clear();
    // What is left is the beginning of one character.
    if (!pending_.empty()) text_ = text::replacement_character;
    pending_.clear();
    return text_;
}

}  // namespace rorqual
