#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "grammar/token_mask.hpp"
#include "rorqual/grammar.hpp"
#include "rorqual/tokenizer.hpp"

namespace rorqual::session {

/// Holds a generation to a grammar, from the first occurrence of a marker on.
class Constraint {
 public:
    /// after: the marker; empty = from the beginning. stop_tokens: what may come where the text may end.
    Constraint(const Grammar& grammar, std::string after, const Tokenizer& tokenizer, std::vector<Token> stop_tokens, std::size_t vocab_size);

    /// Bits of the tokens that may come next; empty = any. Borrowed until the next call. Throws as TokenMask::allowed.
    [[nodiscard]] std::span<const std::uint64_t> allowed();

    /// What came: one of those that were allowed. What the token that completes the marker brings beyond it is not held to anything.
    /// Throws std::bad_alloc and Error(unsupported); nothing changed then.
    void accept(Token token);

    /// The text is whole and cannot go on.
    [[nodiscard]] bool complete() const noexcept { return begun_ && mask_.is_whole() && !mask_.has_more(); }

    /// What to come back to if the next accept() is to be undone; not across allowed().
    struct Mark {
        bool begun;
        std::string tail;
        grammar::Matcher::Place place;
    };
    [[nodiscard]] Mark mark() const { return {begun_, tail_, mask_.place()}; }
    void back_to(Mark mark) noexcept;

 private:
    Tokenizer tokenizer_;
    std::string after_;
    std::vector<Token> stop_tokens_;
    grammar::TokenMask mask_;
    bool begun_;        // the marker was seen
    std::string tail_;  // before that: the last bytes, which the marker may begin with
    std::vector<std::uint64_t> with_stops_;
};

}  // namespace rorqual::session
