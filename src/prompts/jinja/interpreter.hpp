#pragma once

#include <deque>
#include <map>
#include <string_view>
#include <vector>

#include "prompts/jinja/arguments.hpp"
#include "prompts/jinja/syntax.hpp"

namespace rorqual::prompts::jinja {

using Variables = std::map<std::string_view, Value>;

/// Runs a template that was read. Statements, expressions and variables outlive it.
class Interpreter {
 public:
    Interpreter(Context& context, Variables variables) : context_(context) { scopes_.push_back(std::move(variables)); }

    [[nodiscard]] Text run(const Statements& statements);

 private:
    enum class Flow { on,
                      breaks,
                      continues };

    Flow run_all(const Statements& statements);
    Flow run_one(const Statement& statement);
    Flow run_condition(const Statement& statement);
    Flow run_loop(const Statement& statement);
    void assign(const Statement& statement);
    void set_attribute(const Statement& statement, const Value& value);
    void bind(const std::vector<std::string>& names, const Value& value);
    [[nodiscard]] Value capture(const Statements& statements);
    void put(const Text& text);

    [[nodiscard]] Value evaluate(const Expression& expression);
    [[nodiscard]] Value evaluate_or_undefined(const ExpressionPtr& expression);
    [[nodiscard]] Value variable(const std::string& name);
    [[nodiscard]] const Value* find_variable(std::string_view name) const;
    [[nodiscard]] Value make_list_of(const Expression& expression);
    [[nodiscard]] Value make_dict_of(const Expression& expression);
    [[nodiscard]] Value evaluate_slice(const Expression& expression);
    [[nodiscard]] Value evaluate_unary(const Expression& expression);
    [[nodiscard]] Value evaluate_binary(const Expression& expression);
    [[nodiscard]] Value evaluate_chain(const Expression& expression);
    [[nodiscard]] Value evaluate_conditional(const Expression& expression);
    [[nodiscard]] Value call(const Expression& expression);
    [[nodiscard]] Value call_macro(const Statement& macro, const Arguments& arguments);
    [[nodiscard]] Value filtered(const Expression& expression);
    [[nodiscard]] Value tested(const Expression& expression);
    void read_arguments(const Expression& expression, Arguments& arguments);

    Context& context_;
    std::deque<Variables> scopes_;  // references stay good while macros run in them. The template's own, then those of the macro that runs
    std::size_t first_scope_ = 1;   // of that macro
    std::size_t loops_ = 0;
    Text* out_ = nullptr;
};

}  // namespace rorqual::prompts::jinja
