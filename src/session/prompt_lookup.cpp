#include "session/prompt_lookup.hpp"

#include <algorithm>

namespace rorqual::session {

std::size_t look_up(std::span<const Token> tokens, std::span<Token> guesses) noexcept {
    constexpr std::size_t shortest = 2, longest = 4;
    const std::size_t length = tokens.size();
    std::size_t best_run = 0, follows = 0;  // where what followed it begins
    for (std::size_t end = length - std::min<std::size_t>(length, 1); end >= shortest && best_run < longest; --end) {
        std::size_t run = 0;
        while (run < longest && run < end && tokens[end - 1 - run] == tokens[length - 1 - run]) ++run;
        if (run >= shortest && run > best_run) best_run = run, follows = end;
    }
    if (best_run == 0) return 0;
    // A text that repeats itself with a period shorter than the guesses goes on from its own guesses.
    for (std::size_t i = 0; i < guesses.size(); ++i) guesses[i] = follows + i < length ? tokens[follows + i] : guesses[follows + i - length];
    return guesses.size();
}

}  // namespace rorqual::session
