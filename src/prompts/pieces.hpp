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
    Pieces& append(std::string_view text, bool is_markup);

    /// Bytes of another from `begin` to `end`, markup as markup.
    Pieces& append(const Pieces& other, std::size_t begin = 0, std::size_t end = std::string_view::npos);

    /// Calls visit(text, is_markup) for each piece in turn.
    template <class Visit>
    void each(const Visit& visit) const {
        std::size_t begin = 0;
        for (const Piece& piece : pieces_) {
            visit(std::string_view(whole_).substr(begin, piece.end - begin), piece.is_markup);
            begin = piece.end;
        }
    }

    /// All of it, as the published template writes it.
    [[nodiscard]] const std::string& whole() const noexcept { return whole_; }

    /// Its token ids: those of encoding the whole with AddedTokens::recognise, unless the text of somebody spells a special token.
    [[nodiscard]] std::vector<Token> tokens(const Tokenizer& tokenizer) const;

 private:
    struct Piece {
        std::size_t end;  // in whole_
        bool is_markup;
    };

    std::string whole_;
    std::vector<Piece> pieces_;  // markup and text in turns
};

}  // namespace rorqual::prompts
