#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "grammar/matcher.hpp"
#include "text/token_trie.hpp"

namespace rorqual::grammar {

/// Which tokens a grammar allows next, and what it makes of those that were taken. One thread at a time.
class TokenMask {
 public:
    /// `trie` is borrowed; masks have a bit for each of `vocab_size` tokens.
    TokenMask(std::shared_ptr<const Automaton> automaton, Index root, const text::TokenTrie& trie, std::size_t vocab_size);

    /// Bit t of word t / 64: token t may follow. Never includes special tokens. Borrowed until the next call.
    /// Throws as Matcher::after; the next call tries again.
    [[nodiscard]] std::span<const std::uint64_t> allowed();

    /// What was written before `bytes`, and these: false where the grammar does not allow them; then, and where it throws, nothing changed.
    [[nodiscard]] bool accept(std::string_view bytes);

    [[nodiscard]] bool is_whole() const noexcept { return matcher_.is_whole(place_); }  ///< the text may end here
    [[nodiscard]] bool has_more() const noexcept { return matcher_.has_more(place_); }  ///< it may go on

    /// A place to come back to until `accept` was called again after the next.
    [[nodiscard]] Matcher::Place place() const noexcept { return place_; }
    void back_to(Matcher::Place place) noexcept { place_ = place; }
    /// Forgets what was learnt where that has become too much; places are then others.
    void tidy();

 private:
    Matcher matcher_;
    const text::TokenTrie* trie_;
    std::size_t words_;
    Matcher::Place place_;
    std::map<Matcher::Place, std::vector<std::uint64_t>> masks_;  // a text inside quotes is at the same place byte after byte
    std::vector<Matcher::Place> way_;                             // places after each byte on the way down the trie
};

}  // namespace rorqual::grammar
