#include "text/token_trie.hpp"

#include <algorithm>
#include <limits>
#include <string_view>

namespace rorqual::text {

TokenTrie::TokenTrie(const Vocabulary& vocabulary) {
    const auto bytes = [&](Token token) { return vocabulary.bytes(token); };
    constexpr std::size_t longest = std::numeric_limits<std::uint16_t>::max();  // of tokens that a text could be made of
    for (Token token = 0; token < vocabulary.size(); ++token) {
        if (!bytes(token).empty() && bytes(token).size() <= longest && !vocabulary.is_special(token)) tokens_.push_back(token);
    }
    std::ranges::sort(tokens_, [&](Token a, Token b) { return bytes(a) != bytes(b) ? bytes(a) < bytes(b) : a < b; });
    std::vector<std::uint32_t> open;  // nodes on the way to the last token
    const auto close = [&](std::size_t depth) {
        for (; open.size() > depth; open.pop_back()) nodes_[open.back()].end = static_cast<std::uint32_t>(nodes_.size());
    };
    std::string_view before;
    for (std::uint32_t i = 0; i < tokens_.size(); ++i) {
        const std::string_view own = bytes(tokens_[i]);
        const auto shared = static_cast<std::size_t>(std::ranges::mismatch(own, before).in1 - own.begin());
        close(shared);
        for (std::size_t d = shared; d < own.size(); ++d) {
            open.push_back(static_cast<std::uint32_t>(nodes_.size()));
            nodes_.push_back({0, i, 0, static_cast<std::uint16_t>(d), static_cast<std::uint8_t>(own[d])});
        }
        ++nodes_[open.back()].tokens;
        depth_ = std::max(depth_, own.size());
        before = own;
    }
    close(0);
}

}  // namespace rorqual::text
