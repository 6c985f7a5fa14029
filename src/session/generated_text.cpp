#include "session/generated_text.hpp"

#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::session {

GeneratedText::GeneratedText(const Tokenizer* tokenizer, bool special, const std::vector<std::string>& stop_strings) : stop_(stop_strings) {
    if (!tokenizer && !stop_strings.empty()) throw Error(Status::wrong_state, "stop_strings: the model has no tokenizer");
    if (!tokenizer) return;
    tokenizer_ = *tokenizer;
    decoder_.emplace(*tokenizer, special);
}

std::string_view GeneratedText::add(std::optional<Token> token, bool last) {
    if (!decoder_) return {};
    StreamDecoder decoder = *decoder_;  // a few bytes; replaces the member when nothing can fail any more
    text_.clear();
    // A model's vocabulary may be larger than its tokenizer's: the rest is padding without text.
    if (token && *token < tokenizer_->vocab_size()) text_ += decoder.push(*token);
    if (last) text_ += decoder.finish();

    const std::string_view certain = stop_.feed(text_, last);
    decoder_ = std::move(decoder);
    return certain;
}

}  // namespace rorqual::session
