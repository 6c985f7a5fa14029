#pragma once

#include <cstddef>
#include <span>

#include "rorqual/tensor.hpp"

namespace rorqual::session {

/// What followed the last tokens where they stood before: the latest place of the longest run, of up to 4 tokens and at least 2, that ends
/// the timeline too. Fills guesses from the front; returns how many. Prompt lookup decoding (A. Saxena, 2023).
[[nodiscard]] std::size_t look_up(std::span<const Token> tokens, std::span<Token> guesses) noexcept;

}  // namespace rorqual::session
