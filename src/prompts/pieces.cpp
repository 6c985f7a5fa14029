#include "prompts/pieces.hpp"

#include "text/tokenizer_impl.hpp"

namespace rorqual::prompts {

Pieces& Pieces::append(std::string_view text, bool is_markup) {
    if (text.empty()) return *this;
    whole_ += text;
    if (!pieces_.empty() && pieces_.back().is_markup == is_markup) {
        pieces_.back().end = whole_.size();
    } else {
        pieces_.push_back({whole_.size(), is_markup});
    }
    return *this;
}

std::vector<Token> Pieces::tokens(const Tokenizer& tokenizer) const {
    std::vector<text::TextPart> parts;
    parts.reserve(pieces_.size());
    std::size_t begin = 0;
    for (const Piece& piece : pieces_) {
        parts.push_back({std::string_view(whole_).substr(begin, piece.end - begin),
                         piece.is_markup ? AddedTokens::recognise : AddedTokens::ignore});
        begin = piece.end;
    }
    return tokenizer.impl()->encode(parts);
}

}  // namespace rorqual::prompts
