#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rorqual/tensor.hpp"
#include "text/vocabulary.hpp"

namespace rorqual::text {

/// The tokens of a vocabulary by their bytes, those with a beginning in common together: what walks it need not read the same bytes
/// twice, nor those behind a beginning that leads nowhere. Without special tokens, and without those that have no bytes. Immutable.
class TokenTrie {
 public:
    explicit TokenTrie(const Vocabulary& vocabulary);

    /// In depth-first order: the nodes below node i are i + 1 … nodes()[i].end − 1.
    struct Node {
        std::uint32_t end;
        std::uint32_t first_token, tokens;  ///< which of tokens() end here: usually one or none
        std::uint16_t depth;                ///< bytes before this one
        std::uint8_t byte;
    };
    [[nodiscard]] std::span<const Node> nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::span<const Token> tokens() const noexcept { return tokens_; }
    /// Length of the longest token.
    [[nodiscard]] std::size_t depth() const noexcept { return depth_; }

 private:
    std::vector<Node> nodes_;
    std::vector<Token> tokens_;
    std::size_t depth_ = 0;
};

}  // namespace rorqual::text
