#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "prompts/jinja/lexer.hpp"
#include "prompts/jinja/syntax.hpp"

namespace rorqual::prompts::jinja {

/// The lexemes of a template that are still to be read.
class Lexemes {
 public:
    Lexemes(std::vector<Lexeme> lexemes, Context& context) : lexemes_(std::move(lexemes)), context_(context) {}

    [[nodiscard]] const Lexeme& next() const noexcept { return lexemes_[at_]; }
    [[nodiscard]] const Lexeme& after_next() const noexcept { return lexemes_[at_ + (next().kind == Lexeme::Kind::end ? 0 : 1)]; }
    Lexeme take() {
        context_.at(next().line);
        return next().kind == Lexeme::Kind::end ? next() : std::move(lexemes_[at_++]);
    }
    bool take_symbol(std::string_view symbol) { return next().is_symbol(symbol) && (take(), true); }
    bool take_name(std::string_view name) { return next().is_name(name) && (take(), true); }
    void expect_symbol(std::string_view symbol) {
        if (!take_symbol(symbol)) fail("expected \"" + std::string(symbol) + "\"");
    }
    void expect_name(std::string_view name) {
        if (!take_name(name)) fail("expected \"" + std::string(name) + "\"");
    }
    std::string expect_any_name() {
        if (next().kind != Lexeme::Kind::name) fail("expected a name");
        return take().text;
    }
    [[noreturn]] void fail(const std::string& what, Status status = Status::corrupt);
    [[nodiscard]] Context& context() noexcept { return context_; }

 private:
    std::vector<Lexeme> lexemes_;
    Context& context_;
    std::size_t at_ = 0;
};

/// An expression. With commas in it, where they may stand, a list.
[[nodiscard]] ExpressionPtr parse_expression(Lexemes& lexemes);
[[nodiscard]] ExpressionPtr parse_expressions(Lexemes& lexemes);

/// The same without "… if … else …" around it: what a loop runs over.
[[nodiscard]] ExpressionPtr parse_unconditional(Lexemes& lexemes);

}  // namespace rorqual::prompts::jinja
