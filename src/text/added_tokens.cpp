#include "text/added_tokens.hpp"

#include <algorithm>
#include <utility>

#include "text/unicode.hpp"

namespace rorqual::text {
namespace {

bool is_space(char32_t codepoint) {
    const auto spaces = white_space();
    return std::any_of(spaces.begin(), spaces.end(), [=](CodepointRange r) { return r.first <= codepoint && codepoint <= r.last; });
}

std::size_t begin_of_spaces_before(std::string_view text, std::size_t end, std::size_t floor) {
    while (end > floor) {
        std::size_t at = end - 1;
        while (at > floor && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
        if (!is_space(codepoint_at(text.data() + at).value)) break;
        end = at;
    }
    return end;
}

std::size_t end_of_spaces_from(std::string_view text, std::size_t at) {
    while (at < text.size()) {
        const Codepoint next = codepoint_at(text.data() + at);
        if (!is_space(next.value)) break;
        at += next.length;
    }
    return at;
}

}  // namespace

AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
    std::sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) { return a.content < b.content; });
    for (const AddedToken& token : tokens_) first_bytes_[static_cast<unsigned char>(token.content.front())] = true;
}

const AddedToken* AddedTokenMatcher::longest_prefix(std::string_view text) const {
    // In the sorted list, contents that agree with the text in their first bytes are neighbours; each further byte narrows
    // them down, and one that ends here stands in front.
    const AddedToken* longest = nullptr;
    auto first = tokens_.begin();
    auto last = tokens_.end();
    for (std::size_t length = 0; first != last; ++length) {
        if (first->content.size() == length) longest = &*first++;
        if (length == text.size()) break;
        const auto byte_of = [length](const AddedToken& token) { return static_cast<unsigned char>(token.content[length]); };
        const auto byte = static_cast<unsigned char>(text[length]);
        first = std::partition_point(first, last, [&](const AddedToken& token) { return byte_of(token) < byte; });
        last = std::partition_point(first, last, [&](const AddedToken& token) { return byte_of(token) == byte; });
    }
    return longest;
}

AddedTokenMatcher::Found AddedTokenMatcher::find(std::string_view text, std::size_t from, std::size_t floor) const {
    for (std::size_t at = from; at < text.size(); ++at) {
        if (!first_bytes_[static_cast<unsigned char>(text[at])]) continue;
        const AddedToken* token = longest_prefix(text.substr(at));
        if (token == nullptr) continue;
        const std::size_t end = at + token->content.size();
        return {token, token->lstrip ? begin_of_spaces_before(text, at, floor) : at,
                token->rstrip ? end_of_spaces_from(text, end) : end};
    }
    return {};
}

}  // namespace rorqual::text
