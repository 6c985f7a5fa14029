#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prompts/jinja/value.hpp"

namespace rorqual::prompts::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
    enum class Kind {
        literal,      ///< value
        name,         ///< name
        list,         ///< parts
        dict,         ///< parts: key, value, key, value …
        attribute,    ///< parts[0].name
        item,         ///< parts[0][parts[1]]
        slice,        ///< parts[0][parts[1]:parts[2]:parts[3]], each of the last three may be null
        call,         ///< parts[0](parts[1] …, named)
        filter,       ///< parts[0] | name(parts[1] …, named)
        test,         ///< parts[0] is name(parts[1] …)
        negation,     ///< not parts[0]
        unary,        ///< name: + or -, parts[0]
        binary,       ///< parts[0] name parts[1]
        compare,      ///< parts[0] names[0] parts[1] names[1] parts[2] …
        conjunction,  ///< parts[0] and parts[1]
        disjunction,  ///< parts[0] or parts[1]
        conditional,  ///< parts[0] if parts[1] else parts[2], which may be null
    };
    Kind kind = Kind::literal;
    std::uint32_t line = 1;
    std::uint32_t depth = 1;  ///< of expressions in one another
    std::string name;
    Value value;
    std::vector<ExpressionPtr> parts;
    std::vector<std::pair<std::string, ExpressionPtr>> named;
    std::vector<std::string> names;
};

using Statements = std::vector<Statement>;

/// One parameter of a macro.
struct Parameter {
    std::string name;
    ExpressionPtr otherwise;  ///< may be null
};

struct Statement {
    enum class Kind {
        text,       ///< text
        output,     ///< {{ expression }}
        condition,  ///< if: the first group of body whose expression is true, else: otherwise
        loop,       ///< for names in expression if condition: body, else: otherwise
        assign,     ///< set names = expression; where attribute is not empty, names[0].attribute
        capture,    ///< set names[0]: body
        macro,      ///< names[0](parameters): body
        group,      ///< body: what stands between generation and endgeneration, or an arm of an if
        break_loop,
        continue_loop,
    };
    Kind kind = Kind::text;
    std::uint32_t line = 1;
    std::string text;
    std::vector<std::string> names;
    std::string attribute;
    ExpressionPtr expression;
    ExpressionPtr condition;
    std::vector<Parameter> parameters;
    Statements body;
    Statements otherwise;
};

/// Reads a template. Throws Error(corrupt) for what is no template and for one too large or nested too deeply, Error(unsupported) for
/// what is not part of the subset; both with the line.
[[nodiscard]] Statements parse(std::string_view source, Context& context);

}  // namespace rorqual::prompts::jinja
