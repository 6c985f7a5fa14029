#include "text/regex_splitter.hpp"

#include "text/regex_syntax.hpp"
#include "text/utf8.hpp"

namespace rorqual::text {
namespace {

bool is_literal(const SplitStep& step) { return step.kind == SplitStep::Kind::literal; }

}  // namespace

RegexSplitter::RegexSplitter(const SplitStep& step)
    : regex_(is_literal(step) ? step.pattern : pcre2_from_oniguruma(step.pattern, step.key),
             is_literal(step) ? Regex::Syntax::literal : Regex::Syntax::pcre2, step.key) {}

void RegexSplitter::split(std::string_view piece, PieceSink out) const {
    Regex::Search search(regex_, piece);
    const auto give = [&](std::size_t begin, std::size_t end) {
        if (begin != end) out(piece.substr(begin, end - begin));
    };
    // An empty match divides the gap it lies in, unless it touches the match before: then the search goes on one character
    // further (the iteration of Oniguruma's Rust binding, FindMatches).
    std::size_t gap = 0;
    std::size_t from = 0;
    bool after_match = false;
    while (from <= piece.size()) {
        const auto match = search.find(from);
        if (!match) break;
        if (match->begin == match->end && after_match && match->end == gap) {
            if (from == piece.size()) break;
            from += codepoint_at(piece.data() + from).length;
            continue;
        }
        give(gap, match->begin);
        give(match->begin, match->end);
        gap = from = match->end;
        after_match = true;
    }
    give(gap, piece.size());
}

}  // namespace rorqual::text
