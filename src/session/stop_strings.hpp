#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual::session {

/// Looks for the first of several strings in text that arrives in pieces, and holds back no more text than could still become
/// part of one. The outcome does not depend on how the text is cut: the string that is complete first is found, the longest
/// one of those that end together.
class StopStrings {
 public:
    /// Throws Error(invalid_argument) for a string that is empty or not UTF-8.
    explicit StopStrings(std::vector<std::string> strings);

    /// Takes the next piece of text and returns what is certain not to belong to a stop string, borrowed until the next call;
    /// `last`: no more will follow, so that nothing is held back. Once a string was found, nothing follows the text before it.
    /// Throws std::bad_alloc and has then not taken the piece.
    std::string_view feed(std::string_view text, bool last);

    [[nodiscard]] bool found() const noexcept { return found_; }

 private:
    /// Knuth, Morris and Pratt, "Fast Pattern Matching in Strings" (1977): one string's automaton.
    struct Matcher {
        std::string string;
        std::vector<std::size_t> border;  // [i]: length of the longest proper border of the first i + 1 bytes
        std::size_t matched = 0;          // bytes of `string` that the text read so far ends with
        void read(char byte) noexcept;
        [[nodiscard]] bool complete() const noexcept { return matched == string.size(); }
    };

    std::vector<Matcher> matchers_;
    std::string text_;         // what was returned last, then what is held back
    std::size_t certain_ = 0;  // bytes of text_ returned already
    bool found_ = false;
};

}  // namespace rorqual::session
