#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "prompts/jinja/context.hpp"

namespace rorqual::prompts::jinja {

struct Lexeme {
    enum class Kind { text,          ///< of the template itself
                      output_begin,  ///< {{
                      output_end,
                      block_begin,  ///< {%
                      block_end,
                      name,
                      string,
                      integer,
                      real,
                      symbol,  ///< an operator or a bracket
                      end };
    Kind kind = Kind::end;
    std::string text;
    std::uint32_t line = 1;

    [[nodiscard]] bool is(Kind expected, std::string_view spelled) const noexcept { return kind == expected && text == spelled; }
    [[nodiscard]] bool is_symbol(std::string_view spelled) const noexcept { return is(Kind::symbol, spelled); }
    [[nodiscard]] bool is_name(std::string_view spelled) const noexcept { return is(Kind::name, spelled); }
};

/// Cuts a template into tokens, the last of which is `end`. White space around tags is dropped as Hugging Face has it: trim_blocks and
/// lstrip_blocks are on, one newline at the end of the template is none; comments are gone, raw blocks are text.
[[nodiscard]] std::vector<Lexeme> tokenize(std::string_view source, Context& context);

}  // namespace rorqual::prompts::jinja
