#include "session/constraint.hpp"

#include <utility>

#include "grammar/grammar_impl.hpp"
#include "text/tokenizer_impl.hpp"

namespace rorqual::session {

Constraint::Constraint(const Grammar& grammar, std::string after, const Tokenizer& tokenizer, std::vector<Token> stop_tokens, std::size_t vocab_size)
    : tokenizer_(tokenizer), after_(std::move(after)), stop_tokens_(std::move(stop_tokens)), mask_(grammar.impl()->automaton, after_.empty() ? grammar.impl()->root : grammar.impl()->spaced_root, tokenizer_.impl()->trie(), vocab_size), begun_(after_.empty()) {}

std::span<const std::uint64_t> Constraint::allowed() {
    if (!begun_) return {};
    mask_.tidy();
    const auto allowed = mask_.allowed();
    if (!mask_.is_whole()) return allowed;
    with_stops_.assign(allowed.begin(), allowed.end());
    for (const Token token : stop_tokens_) with_stops_[static_cast<std::size_t>(token) / 64] |= std::uint64_t{1} << token % 64;
    return with_stops_;
}

void Constraint::accept(Token token) {
    const std::string_view bytes = tokenizer_.bytes(token);
    if (begun_) {
        // A stop token ends the text and is none of it.
        (void)mask_.accept(bytes);
        return;
    }
    std::string text = tail_;
    text += bytes;
    const bool found = text.find(after_) != std::string::npos;
    if (text.size() >= after_.size()) text.erase(0, text.size() - (after_.size() - 1));
    tail_.swap(text);
    begun_ = found;
}

void Constraint::back_to(Mark mark) noexcept {
    begun_ = mark.begun;
    tail_ = std::move(mark.tail);
    mask_.back_to(mark.place);
}

}  // namespace rorqual::session
