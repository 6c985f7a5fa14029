#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tokenizer.hpp"

namespace rorqual::prompts {

/// A prompt that is being written: markup of its format, in which special tokens count, and text of users, tools and models, in which
/// nothing ever becomes a special token.
class Pieces {
 public:
    Pieces& markup(std::string_view text) { return append(text, true); }
    Pieces& text(std::string_view text) { return append(text, false); }

    /// All of it, as the published template writes it.
    [[nodiscard]] const std::string& whole() const noexcept { return whole_; }

    /// Its token ids: those of encoding the whole with AddedTokens::recognise, unless the text of somebody spells a special token.
    [[nodiscard]] std::vector<Token> tokens(const Tokenizer& tokenizer) const;

 private:
    struct Piece {
        std::size_t end;  // in whole_
        bool is_markup;
    };
    Pieces& append(std::string_view text, bool is_markup);

    std::string whole_;
    std::vector<Piece> pieces_;  // markup and text in turns
};

}  // namespace rorqual::prompts
