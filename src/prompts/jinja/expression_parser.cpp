#include "prompts/jinja/expression_parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "io/printable.hpp"

namespace rorqual::prompts::jinja {
namespace {

using Kind = Expression::Kind;
using Symbol = Lexeme::Kind;

ExpressionPtr parse_disjunction(Lexemes& in);
ExpressionPtr parse_unary(Lexemes& in, bool with_filters = true);

ExpressionPtr make(Lexemes& in, Kind kind, std::string name = {}) {
    auto made = std::make_unique<Expression>();
    made->kind = kind;
    made->line = in.next().line;
    made->name = std::move(name);
    return made;
}

/// Adds a part: what is nested too deeply could not be evaluated, nor released.
void add(Lexemes& in, Expression& whole, ExpressionPtr part) {
    if (part != nullptr) {
        whole.depth = std::max(whole.depth, part->depth + 1);
        in.context().check_depth(whole.depth);
    }
    whole.parts.push_back(std::move(part));
}

ExpressionPtr make_with(Lexemes& in, Kind kind, std::string name, ExpressionPtr first) {
    auto made = make(in, kind, std::move(name));
    made->line = first->line;
    add(in, *made, std::move(first));
    return made;
}

ExpressionPtr literal(Lexemes& in, Value value) {
    auto made = make(in, Kind::literal);
    made->value = std::move(value);
    return made;
}

ExpressionPtr parse_string(Lexemes& in) {
    std::string text;
    while (in.next().kind == Symbol::string) text += in.take().text;  // side by side they are one
    return literal(in, make_markup(in.context(), text));
}

ExpressionPtr parse_integer(Lexemes& in) {
    const std::string text = in.take().text;
    std::int64_t value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) in.fail("an integer beyond 64 bits", Status::unsupported);
    return literal(in, value);
}

ExpressionPtr parse_real(Lexemes& in) {
    const std::string text = in.take().text;
    double value = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) in.fail("a number beyond what a double holds", Status::unsupported);
    return literal(in, value);
}

ExpressionPtr parse_name(Lexemes& in) {
    auto made = make(in, Kind::name);
    made->name = in.take().text;
    const std::string& name = made->name;
    if (name == "true" || name == "True") return literal(in, true);
    if (name == "false" || name == "False") return literal(in, false);
    if (name == "none" || name == "None") return literal(in, None{});
    return made;
}

ExpressionPtr parse_dict(Lexemes& in) {
    auto dict = make(in, Kind::dict);
    while (!in.take_symbol("}")) {
        if (!dict->parts.empty()) in.expect_symbol(",");
        if (in.take_symbol("}")) break;
        add(in, *dict, parse_expression(in));
        in.expect_symbol(":");
        add(in, *dict, parse_expression(in));
    }
    return dict;
}

ExpressionPtr parse_list(Lexemes& in, std::string_view close) {
    auto list = make(in, Kind::list);
    while (!in.take_symbol(close)) {
        if (!list->parts.empty()) in.expect_symbol(",");
        if (in.take_symbol(close)) break;
        add(in, *list, parse_expression(in));
    }
    return list;
}

// ( ) is a tuple where there is a comma, or nothing, in it.
ExpressionPtr parse_parentheses(Lexemes& in) {
    if (in.next().is_symbol(")")) return parse_list(in, ")");
    auto first = parse_expression(in);
    if (in.take_symbol(")")) return first;
    in.expect_symbol(",");
    auto rest = parse_list(in, ")");
    auto list = make_with(in, Kind::list, {}, std::move(first));
    for (auto& part : rest->parts) add(in, *list, std::move(part));
    return list;
}

ExpressionPtr parse_primary(Lexemes& in) {
    switch (in.next().kind) {
        case Symbol::string: return parse_string(in);
        case Symbol::integer: return parse_integer(in);
        case Symbol::real: return parse_real(in);
        case Symbol::name: return parse_name(in);
        default: break;
    }
    if (in.take_symbol("(")) return parse_parentheses(in);
    if (in.take_symbol("[")) return parse_list(in, "]");
    if (in.take_symbol("{")) return parse_dict(in);
    in.fail("expected an expression");
}

void parse_arguments(Lexemes& in, Expression& call) {
    while (!in.take_symbol(")")) {
        if (call.parts.size() > 1 || !call.named.empty()) {
            in.expect_symbol(",");
            if (in.take_symbol(")")) break;
        }
        if (in.next().is_symbol("*") || in.next().is_symbol("**")) in.fail("arguments from a list or a dict", Status::unsupported);
        if (in.next().kind == Symbol::name && in.after_next().is_symbol("=")) {
            std::string name = in.take().text;
            in.take();
            add(in, call, parse_expression(in));
            call.named.emplace_back(std::move(name), std::move(call.parts.back()));
            call.parts.pop_back();
        } else {
            if (!call.named.empty()) in.fail("an argument without a name behind one with a name");
            add(in, call, parse_expression(in));
        }
    }
}

/// What stands behind "[".
ExpressionPtr parse_subscript(Lexemes& in, ExpressionPtr of) {
    const auto part = [&]() -> ExpressionPtr {
        if (in.next().is_symbol(":") || in.next().is_symbol("]")) return nullptr;
        return parse_expression(in);
    };
    auto first = part();
    if (first != nullptr && in.take_symbol("]")) {
        auto item = make_with(in, Kind::item, {}, std::move(of));
        add(in, *item, std::move(first));
        return item;
    }
    auto slice = make_with(in, Kind::slice, {}, std::move(of));
    add(in, *slice, std::move(first));
    in.expect_symbol(":");
    add(in, *slice, part());
    add(in, *slice, in.take_symbol(":") ? part() : nullptr);
    in.expect_symbol("]");
    return slice;
}

ExpressionPtr parse_postfix(Lexemes& in, ExpressionPtr of) {
    for (;;) {
        if (in.take_symbol(".")) {
            if (in.next().kind == Symbol::integer) {  // x.0
                auto item = make_with(in, Kind::item, {}, std::move(of));
                add(in, *item, parse_integer(in));
                of = std::move(item);
            } else {
                of = make_with(in, Kind::attribute, in.expect_any_name(), std::move(of));
            }
        } else if (in.take_symbol("[")) {
            of = parse_subscript(in, std::move(of));
        } else if (in.take_symbol("(")) {
            of = make_with(in, Kind::call, {}, std::move(of));
            parse_arguments(in, *of);
        } else {
            return of;
        }
    }
}

// A test may take one argument without parentheses: "is divisibleby 3".
bool begins_argument(const Lexeme& next) {
    if (next.kind == Symbol::name) {
        constexpr std::string_view words[] = {"else", "or", "and", "if", "is", "in", "not"};
        return std::find(std::begin(words), std::end(words), next.text) == std::end(words);
    }
    return next.kind == Symbol::string || next.kind == Symbol::integer || next.kind == Symbol::real || next.is_symbol("[") || next.is_symbol("{");
}

ExpressionPtr parse_test(Lexemes& in, ExpressionPtr of) {
    const bool negated = in.take_name("not");
    auto test = make_with(in, Kind::test, in.expect_any_name(), std::move(of));
    if (in.take_symbol("(")) {
        parse_arguments(in, *test);
    } else if (begins_argument(in.next())) {
        add(in, *test, parse_postfix(in, parse_primary(in)));
    }
    return negated ? make_with(in, Kind::negation, {}, std::move(test)) : std::move(test);
}

ExpressionPtr parse_filters(Lexemes& in, ExpressionPtr of) {
    for (;;) {
        if (in.take_symbol("|")) {
            of = make_with(in, Kind::filter, in.expect_any_name(), std::move(of));
            if (in.take_symbol("(")) parse_arguments(in, *of);
        } else if (in.take_name("is")) {
            of = parse_test(in, std::move(of));
        } else if (in.next().is_symbol("(")) {
            of = parse_postfix(in, std::move(of));
        } else {
            return of;
        }
    }
}

ExpressionPtr parse_unary(Lexemes& in, bool with_filters) {
    const Context::Level level(in.context());
    ExpressionPtr value;
    if (in.next().is_symbol("-") || in.next().is_symbol("+")) {
        std::string sign = in.take().text;
        value = make_with(in, Kind::unary, std::move(sign), parse_unary(in, false));
    } else {
        value = parse_primary(in);
    }
    value = parse_postfix(in, std::move(value));
    return with_filters ? parse_filters(in, std::move(value)) : std::move(value);
}

/// Operators of two operands that bind equally, from the tightest; all group to the left.
constexpr std::size_t levels = 4;
bool is_operator(const Lexeme& next, std::size_t level) {
    switch (level) {
        case 0: return next.is_symbol("**");
        case 1: return next.is_symbol("*") || next.is_symbol("/") || next.is_symbol("//") || next.is_symbol("%");
        case 2: return next.is_symbol("~");
        default: return next.is_symbol("+") || next.is_symbol("-");
    }
}

ExpressionPtr parse_binary(Lexemes& in, std::size_t level) {
    const auto operand = [&] { return level == 0 ? parse_unary(in) : parse_binary(in, level - 1); };
    auto left = operand();
    while (is_operator(in.next(), level)) {
        std::string symbol = in.take().text;
        left = make_with(in, Kind::binary, std::move(symbol), std::move(left));
        add(in, *left, operand());
    }
    return left;
}

/// The next lexemes as the name of a comparison; empty where they are none.
std::string take_comparison(Lexemes& in) {
    for (const std::string_view symbol : {"==", "!=", "<=", ">=", "<", ">"}) {
        if (in.take_symbol(symbol)) return std::string(symbol);
    }
    if (in.take_name("in")) return "in";
    if (!in.next().is_name("not") || !in.after_next().is_name("in")) return {};
    in.take();
    in.take();
    return "not in";
}

ExpressionPtr parse_comparison(Lexemes& in) {
    auto left = parse_binary(in, levels - 1);
    ExpressionPtr chain;
    for (std::string name = take_comparison(in); !name.empty(); name = take_comparison(in)) {
        if (chain == nullptr) chain = make_with(in, Kind::compare, {}, std::move(left));
        chain->names.push_back(std::move(name));
        add(in, *chain, parse_binary(in, levels - 1));
    }
    return chain != nullptr ? std::move(chain) : std::move(left);
}

ExpressionPtr parse_negation(Lexemes& in) {
    if (!in.take_name("not")) return parse_comparison(in);
    const Context::Level level(in.context());
    return make_with(in, Kind::negation, {}, parse_negation(in));
}

ExpressionPtr parse_conjunction(Lexemes& in) {
    auto left = parse_negation(in);
    while (in.take_name("and")) {
        left = make_with(in, Kind::conjunction, {}, std::move(left));
        add(in, *left, parse_negation(in));
    }
    return left;
}

ExpressionPtr parse_disjunction(Lexemes& in) {
    auto left = parse_conjunction(in);
    while (in.take_name("or")) {
        left = make_with(in, Kind::disjunction, {}, std::move(left));
        add(in, *left, parse_conjunction(in));
    }
    return left;
}

template <class Parse>
ExpressionPtr parse_tuple(Lexemes& in, const Parse& parse_one) {
    auto first = parse_one(in);
    if (!in.next().is_symbol(",")) return first;
    auto list = make_with(in, Kind::list, {}, std::move(first));
    while (in.take_symbol(",") && in.next().kind != Symbol::block_end && in.next().kind != Symbol::output_end) add(in, *list, parse_one(in));
    return list;
}

}  // namespace

void Lexemes::fail(const std::string& what, Status status) {
    const Lexeme& here = next();
    context_.at(here.line);
    const std::string found = here.text.empty() ? here.kind == Symbol::end ? "the template ends" : "the tag ends" : "at \"" + io::printable(here.text, 40) + "\"";
    context_.fail(what + ", " + found, status);
}

ExpressionPtr parse_expression(Lexemes& in) {
    const Context::Level level(in.context());
    auto value = parse_disjunction(in);
    while (in.take_name("if")) {
        value = make_with(in, Kind::conditional, {}, std::move(value));
        add(in, *value, parse_disjunction(in));
        add(in, *value, in.take_name("else") ? parse_expression(in) : nullptr);
    }
    return value;
}

ExpressionPtr parse_expressions(Lexemes& in) { return parse_tuple(in, parse_expression); }
ExpressionPtr parse_unconditional(Lexemes& in) { return parse_tuple(in, parse_disjunction); }

}  // namespace rorqual::prompts::jinja
