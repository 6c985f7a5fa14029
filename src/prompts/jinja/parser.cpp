#include <algorithm>
#include <initializer_list>

#include "io/printable.hpp"
#include "prompts/jinja/expression_parser.hpp"
#include "prompts/jinja/syntax.hpp"

namespace rorqual::prompts::jinja {
namespace {

using Kind = Statement::Kind;
using Words = std::initializer_list<std::string_view>;

class Parser {
 public:
    Parser(std::string_view source, Context& context) : in_(tokenize(source, context), context) {}

    Statements parse_all() {
        Statements statements = parse_until({});
        if (in_.next().kind != Lexeme::Kind::end) in_.fail("an end without its beginning");
        return statements;
    }

 private:
    /// Statements up to a tag that begins with one of these words, whose "{%" is taken; without words, up to the end of the template.
    Statements parse_until(Words ends) {
        const Context::Level level(in_.context());
        Statements statements;
        for (;;) {
            switch (in_.next().kind) {
                case Lexeme::Kind::end:
                    if (ends.size() > 0) in_.fail("expected \"" + std::string(*(ends.end() - 1)) + "\"");
                    return statements;
                case Lexeme::Kind::text: {
                    Statement& text = add(statements, Kind::text);
                    text.text = in_.take().text;
                    break;
                }
                case Lexeme::Kind::output_begin: {
                    in_.take();
                    Statement& output = add(statements, Kind::output);
                    output.expression = parse_expressions(in_);
                    expect_end(Lexeme::Kind::output_end);
                    break;
                }
                default: {
                    in_.take();
                    const Lexeme& word = in_.next();
                    if (word.kind == Lexeme::Kind::name && std::find(ends.begin(), ends.end(), word.text) != ends.end()) return statements;
                    parse_tag(statements);
                }
            }
        }
    }

    void parse_tag(Statements& statements) {
        const std::string word = in_.next().text;
        if (in_.next().kind != Lexeme::Kind::name) in_.fail("expected the name of a tag");
        if (word.starts_with("end") || word == "else" || word == "elif") in_.fail("a tag that nothing has opened");
        static constexpr std::pair<std::string_view, void (Parser::*)(Statements&)> known[] = {
            {"if", &Parser::parse_if}, {"for", &Parser::parse_for}, {"set", &Parser::parse_set}, {"macro", &Parser::parse_macro}, {"generation", &Parser::parse_generation}, {"break", &Parser::parse_break}, {"continue", &Parser::parse_continue}};
        for (const auto& [name, parse] : known) {
            if (name != word) continue;
            in_.take();
            return (this->*parse)(statements);
        }
        in_.fail("a tag that is not supported: if, for, set, macro, generation, break, continue and raw are", Status::unsupported);
    }

    Statement& add(Statements& statements, Kind kind) {
        Statement& made = statements.emplace_back();
        made.kind = kind;
        made.line = in_.next().line;
        return made;
    }

    void expect_end(Lexeme::Kind kind) {
        if (in_.next().kind != kind) in_.fail("expected the end of the tag");
        in_.take();
    }
    void end_tag() { expect_end(Lexeme::Kind::block_end); }
    void end_tag(std::string_view word) {
        in_.expect_name(word);
        end_tag();
    }

    // elif is an if in the else; a long row of them is not nested in the template, so it is kept flat here as well.
    void parse_if(Statements& statements) {
        Statement& chain = add(statements, Kind::condition);
        for (;;) {
            Statement arm;
            arm.kind = Kind::group;
            arm.line = in_.next().line;
            arm.expression = parse_unconditional(in_);
            end_tag();
            arm.body = parse_until({"elif", "else", "endif"});
            chain.body.push_back(std::move(arm));
            if (!in_.take_name("elif")) break;
        }
        if (in_.take_name("else")) {
            end_tag();
            chain.otherwise = parse_until({"endif"});
        }
        end_tag("endif");
    }

    void parse_for(Statements& statements) {
        Statement& loop = add(statements, Kind::loop);
        loop.names = parse_targets();
        in_.expect_name("in");
        loop.expression = parse_unconditional(in_);
        if (in_.take_name("if")) loop.condition = parse_expression(in_);
        if (in_.next().is_name("recursive")) in_.fail("recursive loops are not supported", Status::unsupported);
        end_tag();
        ++loops_;
        loop.body = parse_until({"else", "endfor"});
        --loops_;
        if (in_.take_name("else")) {
            end_tag();
            loop.otherwise = parse_until({"endfor"});
        }
        end_tag("endfor");
    }

    std::vector<std::string> parse_targets() {
        std::vector<std::string> names;
        const bool in_parentheses = in_.take_symbol("(");
        do {
            names.push_back(in_.expect_any_name());
        } while (in_.take_symbol(","));
        if (in_parentheses) in_.expect_symbol(")");
        return names;
    }

    void parse_set(Statements& statements) {
        Statement& set = add(statements, Kind::assign);
        set.names = parse_targets();
        if (set.names.size() == 1 && in_.take_symbol(".")) set.attribute = in_.expect_any_name();
        if (in_.take_symbol("=")) {
            set.expression = parse_expressions(in_);
            return end_tag();
        }
        if (set.names.size() > 1 || !set.attribute.empty()) in_.fail("expected \"=\"");
        if (in_.next().is_symbol("|")) in_.fail("filters of a block are not supported", Status::unsupported);
        set.kind = Kind::capture;
        end_tag();
        set.body = parse_until({"endset"});
        end_tag("endset");
    }

    void parse_macro(Statements& statements) {
        if (loops_ > 0 || macros_ > 0) in_.fail("a macro in a loop or a macro is not supported", Status::unsupported);
        Statement& macro = add(statements, Kind::macro);
        macro.names.push_back(in_.expect_any_name());
        in_.expect_symbol("(");
        while (!in_.take_symbol(")")) {
            if (!macro.parameters.empty()) in_.expect_symbol(",");
            Parameter& parameter = macro.parameters.emplace_back();
            parameter.name = in_.expect_any_name();
            if (in_.take_symbol("=")) parameter.otherwise = parse_expression(in_);
        }
        end_tag();
        ++macros_;
        macro.body = parse_until({"endmacro"});
        --macros_;
        in_.expect_name("endmacro");
        if (in_.next().is_name(macro.names[0])) in_.take();
        end_tag();
    }

    void parse_generation(Statements& statements) {
        Statement& group = add(statements, Kind::group);
        end_tag();
        group.body = parse_until({"endgeneration"});
        end_tag("endgeneration");
    }

    void parse_break(Statements& statements) { parse_jump(statements, Kind::break_loop); }
    void parse_continue(Statements& statements) { parse_jump(statements, Kind::continue_loop); }
    void parse_jump(Statements& statements, Kind kind) {
        if (loops_ == 0) in_.fail("break and continue stand in a loop");
        add(statements, kind);
        end_tag();
    }

    Lexemes in_;
    int loops_ = 0, macros_ = 0;
};

}  // namespace

Statements parse(std::string_view source, Context& context) { return Parser(source, context).parse_all(); }

}  // namespace rorqual::prompts::jinja
