#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace rorqual::grammar {

/// Characters from first to last, as Unicode code points.
struct CodeRange {
    char32_t first, last;
};

/// All characters that these are not; surrogates are none. `ranges` in any order.
[[nodiscard]] std::vector<CodeRange> complement(std::vector<CodeRange> ranges);

using Index = std::uint32_t;  ///< of an expression, or of a rule

/// What a piece of text may be.
struct Expression {
    enum class Kind { text,
                      characters,
                      sequence,
                      choice,
                      repeat,
                      rule };
    static constexpr std::uint32_t endless = std::numeric_limits<std::uint32_t>::max();

    Kind kind;
    std::string text{};               ///< text: these bytes
    std::vector<CodeRange> ranges{};  ///< characters: one of them
    std::vector<Index> parts{};       ///< sequence, choice; repeat: the one that is repeated
    std::uint32_t min = 0, max = 0;   ///< repeat: how often
    Index rule = 0;
};

/// Rules that call one another, as what reads grammars writes them down.
class Rules {
 public:
    static constexpr std::size_t most_expressions = std::size_t{1} << 18;

    /// Each makes an expression. Throw Error(invalid_argument) beyond most_expressions.
    Index text(std::string_view bytes);
    Index characters(std::vector<CodeRange> ranges);
    Index sequence(std::vector<Index> parts);
    Index choice(std::vector<Index> parts);
    Index repeat(Index part, std::uint32_t min, std::uint32_t max = Expression::endless);
    Index optional(Index part) { return repeat(part, 0, 1); }
    Index call(Index rule);

    /// A rule without a body yet.
    Index declare(std::string name);
    void define(Index rule, Index body) { rules_[rule].body = body, rules_[rule].defined = true; }

    struct Rule {
        std::string name;
        Index body = 0;
        bool defined = false;
    };
    [[nodiscard]] const std::vector<Rule>& rules() const noexcept { return rules_; }
    [[nodiscard]] const Expression& operator[](Index expression) const noexcept { return expressions_[expression]; }

    Index root = 0;  ///< the rule that is the whole text

 private:
    Index add(Expression expression);

    std::vector<Expression> expressions_;
    std::vector<Rule> rules_;
};

}  // namespace rorqual::grammar
