#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rorqual/tokenizer.hpp"
#include "session/stop_strings.hpp"

namespace rorqual::session {

/// The text of a generation: tokens in, text that is certain out. Certain is what is made of whole characters and cannot
/// become part of a stop string any more.
class GeneratedText {
 public:
    /// tokenizer: nullptr = there never is any text; stop strings then throw Error(wrong_state). special: special tokens appear.
    GeneratedText(const Tokenizer* tokenizer, bool special, const std::vector<std::string>& stop_strings);

    /// The new text after one more token (nothing: no token). `last`: no more will follow, whatever was held back comes out.
    /// Borrowed until the next call. Throws std::bad_alloc and has then not taken the token.
    std::string_view add(std::optional<Token> token, bool last);

    /// True once a stop string was found; the text before it is out.
    [[nodiscard]] bool stopped() const noexcept { return stop_.found(); }

 private:
    std::optional<Tokenizer> tokenizer_;
    std::optional<StreamDecoder> decoder_;
    StopStrings stop_;
    std::string text_;  // what the last token brought
};

}  // namespace rorqual::session
