#include "session/stop_strings.hpp"

#include <algorithm>
#include <utility>

#include "rorqual/error.hpp"
#include "text/utf8.hpp"

namespace rorqual::session {
namespace {

std::vector<std::size_t> borders(std::string_view string) {
    std::vector<std::size_t> border(string.size(), 0);
    for (std::size_t i = 1, length = 0; i < string.size(); ++i) {
        while (length > 0 && string[i] != string[length]) length = border[length - 1];
        if (string[i] == string[length]) ++length;
        border[i] = length;
    }
    return border;
}

}  // namespace

StopStrings::StopStrings(std::vector<std::string> strings) {
    for (std::string& string : strings) {
        if (string.empty()) throw Error(Status::invalid_argument, "stop_strings: an empty string, expected at least one character");
        if (text::first_invalid_utf8(string) != std::string_view::npos) {
            throw Error(Status::invalid_argument, "stop_strings: bytes that are not UTF-8");
        }
        auto border = borders(string);
        matchers_.push_back({std::move(string), std::move(border)});
    }
}

void StopStrings::Matcher::read(char byte) noexcept {
    // A string that is complete ends the search, so `matched` stays below its size here.
    while (matched > 0 && string[matched] != byte) matched = border[matched - 1];
    if (string[matched] == byte) ++matched;
}

std::string_view StopStrings::feed(std::string_view text, bool last) {
    if (found_) return {};
    text_.reserve(text_.size() - certain_ + text.size());  // the only step that can fail
    text_.erase(0, certain_);
    std::size_t end = text_.size();
    text_.append(text);

    while (end < text_.size() && !found_) {
        for (Matcher& matcher : matchers_) {
            matcher.read(text_[end]);
            found_ = found_ || matcher.complete();
        }
        ++end;
    }
    std::size_t back = 0;  // bytes before `end` that belong, or may come to belong, to a stop string
    for (const Matcher& matcher : matchers_) {
        if (found_ ? matcher.complete() : !last) back = std::max(back, matcher.matched);
    }
    certain_ = end - back;
    return std::string_view(text_).substr(0, certain_);
}

}  // namespace rorqual::session
