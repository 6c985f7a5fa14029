#include "prompts/pieces.hpp"

#include <algorithm>

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

Pieces& Pieces::append(const Pieces& other, std::size_t begin, std::size_t end) {
    const std::string_view whole = other.whole_;
    end = std::min(end, whole.size());
    const auto after_begin = [](const Piece& piece, std::size_t at) { return piece.end <= at; };
    for (auto piece = std::lower_bound(other.pieces_.begin(), other.pieces_.end(), begin, after_begin); begin < end; ++piece) {
        const std::size_t stop = std::min(piece->end, end);
        append(whole.substr(begin, stop - begin), piece->is_markup);
        begin = stop;
    }
    return *this;
}

std::vector<Token> Pieces::tokens(const Tokenizer& tokenizer) const {
    std::vector<text::TextPart> parts;
    parts.reserve(pieces_.size());
    each([&](std::string_view text, bool is_markup) { parts.push_back({text, is_markup ? AddedTokens::recognise : AddedTokens::ignore}); });
    return tokenizer.impl()->encode(parts);
}

}  // namespace rorqual::prompts
