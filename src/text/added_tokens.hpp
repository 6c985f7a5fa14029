#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tensor.hpp"

namespace rorqual::text {

/// A token recognised in the text itself, before it is divided into pieces.
struct AddedToken {
    std::string content;
    Token id = 0;
    bool special = false;     ///< left out when decoding without special tokens
    bool normalized = false;  ///< looked for in the normalised text instead of the raw one
    bool lstrip = false;      ///< swallows white space in front
    bool rstrip = false;      ///< swallows white space behind
};

/// Finds added tokens in text: leftmost first, and the longest of those that begin at one place.
/// Immutable: any number of threads may use it at once.
class AddedTokenMatcher {
 public:
    /// Contents are not empty, all different, and at most `longest_content` bytes long: a search costs at most that many
    /// steps a byte.
    static constexpr std::size_t longest_content = 512;
    explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

    /// Calls on_text(string_view) for text between tokens (never empty) and on_token(Token) for tokens, in order.
    template <class OnText, class OnToken>
    void split(std::string_view text, const OnText& on_text, const OnToken& on_token) const {
        std::size_t begin = 0;
        for (Found found = find(text, begin, begin); found.token != nullptr; found = find(text, found.end, begin)) {
            if (begin < found.begin) on_text(text.substr(begin, found.begin - begin));
            on_token(found.token->id);
            begin = found.end;
        }
        if (begin < text.size()) on_text(text.substr(begin));
    }

 private:
    struct Found {
        const AddedToken* token = nullptr;
        std::size_t begin = 0;
        std::size_t end = 0;
    };

    /// The next token at `from` or later; white space that it swallows in front does not reach before `floor`.
    [[nodiscard]] Found find(std::string_view text, std::size_t from, std::size_t floor) const;
    /// The longest token that `text` begins with.
    [[nodiscard]] const AddedToken* longest_prefix(std::string_view text) const;

    std::vector<AddedToken> tokens_;       // sorted by content
    std::array<bool, 256> first_bytes_{};  // of contents
};

}  // namespace rorqual::text
