#include "prompts/jinja/interpreter.hpp"

#include <algorithm>
#include <utility>

#include "prompts/jinja/filters.hpp"
#include "prompts/jinja/functions.hpp"
#include "prompts/jinja/methods.hpp"
#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"
#include "prompts/jinja/tests.hpp"

namespace rorqual::prompts::jinja {
namespace {

/// Puts a member back to what it was.
template <class T>
class Restored {
 public:
    Restored(T& place, T value) : place_(place), before_(std::exchange(place, value)) {}
    ~Restored() { place_ = before_; }
    Restored(const Restored&) = delete;
    Restored& operator=(const Restored&) = delete;

 private:
    T& place_;
    T before_;
};

/// Removes the scopes that were added meanwhile.
class Scope {
 public:
    explicit Scope(std::deque<Variables>& scopes) : scopes_(scopes), before_(scopes.size()) { scopes_.emplace_back(); }
    ~Scope() { scopes_.resize(before_); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

 private:
    std::deque<Variables>& scopes_;
    std::size_t before_;
};

}  // namespace

Text Interpreter::run(const Statements& statements) {
    Text out;
    out_ = &out;
    (void)run_all(statements);
    return out;
}

void Interpreter::put(const Text& text) {
    context_.bytes(text.whole().size());
    out_->append(text);
}

Interpreter::Flow Interpreter::run_all(const Statements& statements) {
    const Context::Level level(context_);
    for (const Statement& statement : statements) {
        context_.step();
        context_.at(statement.line);
        if (const Flow flow = run_one(statement); flow != Flow::on) return flow;
    }
    return Flow::on;
}

Interpreter::Flow Interpreter::run_one(const Statement& statement) {
    using Kind = Statement::Kind;
    switch (statement.kind) {
        case Kind::text:
            context_.bytes(statement.text.size());
            out_->markup(statement.text);
            return Flow::on;
        case Kind::output: {
            const Value value = evaluate(*statement.expression);
            put(value.text() != nullptr ? *value.text() : print(context_, value));
            return Flow::on;
        }
        case Kind::condition: return run_condition(statement);
        case Kind::loop: return run_loop(statement);
        case Kind::assign: assign(statement); return Flow::on;
        case Kind::capture: scopes_.back().insert_or_assign(statement.names[0], capture(statement.body)); return Flow::on;
        case Kind::macro:
            scopes_.back().insert_or_assign(statement.names[0], Value(std::make_shared<const Function>(Function{&statement, statement.names[0]})));
            return Flow::on;
        case Kind::group: return run_all(statement.body);
        case Kind::break_loop: return Flow::breaks;
        case Kind::continue_loop: return Flow::continues;
    }
    return Flow::on;
}

Interpreter::Flow Interpreter::run_condition(const Statement& statement) {
    for (const Statement& arm : statement.body) {
        context_.at(arm.line);
        if (truth(evaluate(*arm.expression))) return run_all(arm.body);
    }
    return run_all(statement.otherwise);
}

Interpreter::Flow Interpreter::run_loop(const Statement& statement) {
    auto values = items(context_, evaluate(*statement.expression));
    if (statement.condition != nullptr) {
        const Scope scope(scopes_);
        Values chosen;
        for (const Value& value : values->values) {
            context_.step();
            bind(statement.names, value);
            if (truth(evaluate(*statement.condition))) chosen.push_back(value);
        }
        values = *make_list(context_, std::move(chosen)).as<std::shared_ptr<const List>>();
    }
    const Restored loops(loops_, loops_ + 1);
    for (std::size_t i = 0; i < values->values.size(); ++i) {
        const Scope scope(scopes_);
        context_.step();
        context_.bytes(sizeof(Loop));
        scopes_.back().insert_or_assign("loop", Value(std::make_shared<const Loop>(Loop{values, i, loops_})));
        bind(statement.names, values->values[i]);
        if (run_all(statement.body) == Flow::breaks) break;
    }
    return values->values.empty() ? run_all(statement.otherwise) : Flow::on;
}

void Interpreter::bind(const std::vector<std::string>& names, const Value& value) {
    if (names.size() == 1) {
        scopes_.back().insert_or_assign(names[0], value);
        return;
    }
    const auto parts = items(context_, value);
    if (parts->values.size() != names.size()) {
        context_.fail(std::to_string(parts->values.size()) + " values for " + std::to_string(names.size()) + " names");
    }
    for (std::size_t i = 0; i < names.size(); ++i) scopes_.back().insert_or_assign(names[i], parts->values[i]);
}

void Interpreter::assign(const Statement& statement) {
    const Value value = evaluate(*statement.expression);
    if (statement.attribute.empty()) return bind(statement.names, value);
    set_attribute(statement, value);
}

void Interpreter::set_attribute(const Statement& statement, const Value& value) {
    const Value* target = find_variable(statement.names[0]);
    auto* space = target == nullptr ? nullptr : target->name_space();
    if (space == nullptr) context_.fail("'" + statement.names[0] + "' is no namespace: only their attributes can be set");
    if (value.name_space() != nullptr) context_.fail("a namespace in a namespace", Status::unsupported);
    if (Value* known = space->find(statement.attribute)) {
        *known = value;
        return;
    }
    context_.bytes(sizeof(space->entries[0]));
    space->entries.emplace_back(statement.attribute, value);
}

Value Interpreter::capture(const Statements& statements) {
    Text text;
    {
        const Restored out(out_, &text);
        (void)run_all(statements);
    }
    return make_text(context_, std::move(text));
}

// ---- expressions ----

Value Interpreter::evaluate(const Expression& expression) {
    using Kind = Expression::Kind;
    const Context::Level level(context_);
    context_.step();
    context_.at(expression.line);
    switch (expression.kind) {
        case Kind::literal: return expression.value;
        case Kind::name: return variable(expression.name);
        case Kind::list: return make_list_of(expression);
        case Kind::dict: return make_dict_of(expression);
        case Kind::attribute: return attribute(context_, evaluate(*expression.parts[0]), expression.name);
        case Kind::item:
        case Kind::binary: return evaluate_binary(expression);
        case Kind::slice: return evaluate_slice(expression);
        case Kind::call: return call(expression);
        case Kind::filter: return filtered(expression);
        case Kind::test: return tested(expression);
        case Kind::negation:
        case Kind::unary: return evaluate_unary(expression);
        case Kind::compare: return evaluate_chain(expression);
        case Kind::conjunction:
        case Kind::disjunction:
        case Kind::conditional: return evaluate_conditional(expression);
    }
    return {};
}

Value Interpreter::evaluate_or_undefined(const ExpressionPtr& expression) { return expression == nullptr ? Value() : evaluate(*expression); }

const Value* Interpreter::find_variable(std::string_view name) const {
    for (std::size_t i = scopes_.size(); i-- > first_scope_;) {
        if (const auto found = scopes_[i].find(name); found != scopes_[i].end()) return &found->second;
    }
    const auto found = scopes_[0].find(name);
    return found == scopes_[0].end() ? nullptr : &found->second;
}

Value Interpreter::variable(const std::string& name) {
    if (const Value* found = find_variable(name)) return *found;
    const Value function = function_named(context_, name);
    return function.is_undefined() ? undefined(name) : function;
}

Value Interpreter::make_list_of(const Expression& expression) {
    Values values;
    for (const auto& part : expression.parts) values.push_back(evaluate(*part));
    return make_list(context_, std::move(values));
}

Value Interpreter::make_dict_of(const Expression& expression) {
    Entries entries;
    for (std::size_t i = 0; i < expression.parts.size(); i += 2) {
        const Value key = evaluate(*expression.parts[i]);
        const auto* text = key.as<std::shared_ptr<const Text>>();
        if (text == nullptr) context_.fail(std::string(kind_of(key)) + " as a key, expected a string", Status::unsupported);
        entries.push_back({*text, evaluate(*expression.parts[i + 1])});
    }
    return make_dict(context_, std::move(entries));
}

Value Interpreter::evaluate_slice(const Expression& expression) {
    const Value of = evaluate(*expression.parts[0]);
    const Value begin = evaluate_or_undefined(expression.parts[1]), end = evaluate_or_undefined(expression.parts[2]);
    return slice(context_, of, begin, end, evaluate_or_undefined(expression.parts[3]));
}

Value Interpreter::evaluate_unary(const Expression& expression) {
    const Value value = evaluate(*expression.parts[0]);
    if (expression.kind == Expression::Kind::negation) return !truth(value);
    return expression.name == "-" ? negative(context_, value) : binary(context_, "+", std::int64_t{0}, value);
}

Value Interpreter::evaluate_binary(const Expression& expression) {
    const Value left = evaluate(*expression.parts[0]), right = evaluate(*expression.parts[1]);
    return expression.kind == Expression::Kind::item ? item(context_, left, right) : binary(context_, expression.name, left, right);
}

Value Interpreter::evaluate_chain(const Expression& expression) {
    Value left = evaluate(*expression.parts[0]);
    for (std::size_t i = 0; i < expression.names.size(); ++i) {
        Value right = evaluate(*expression.parts[i + 1]);
        if (!compare(context_, expression.names[i], left, right)) return false;
        left = std::move(right);
    }
    return true;
}

Value Interpreter::evaluate_conditional(const Expression& expression) {
    using Kind = Expression::Kind;
    if (expression.kind == Kind::conditional) {
        return truth(evaluate(*expression.parts[1])) ? evaluate(*expression.parts[0]) : evaluate_or_undefined(expression.parts[2]);
    }
    Value left = evaluate(*expression.parts[0]);
    return truth(left) == (expression.kind == Kind::conjunction) ? evaluate(*expression.parts[1]) : left;
}

void Interpreter::read_arguments(const Expression& expression, Arguments& arguments) {
    for (std::size_t i = 1; i < expression.parts.size(); ++i) arguments.values.push_back(evaluate(*expression.parts[i]));
    for (const auto& [name, value] : expression.named) arguments.named.emplace_back(name, evaluate(*value));
    context_.at(expression.line);
}

Value Interpreter::filtered(const Expression& expression) {
    const Value value = evaluate(*expression.parts[0]);
    Arguments arguments(context_, expression.name);
    read_arguments(expression, arguments);
    return apply_filter(value, arguments);
}

Value Interpreter::tested(const Expression& expression) {
    const Value value = evaluate(*expression.parts[0]);
    Arguments arguments(context_, expression.name);
    read_arguments(expression, arguments);
    return apply_test(value, arguments);
}

Value Interpreter::call(const Expression& expression) {
    const Expression& callee = *expression.parts[0];
    const Value called = evaluate(callee);
    const auto* function = called.function();
    Arguments arguments(context_, function != nullptr ? function->name : callee.name);
    read_arguments(expression, arguments);
    if (callee.kind == Expression::Kind::name && callee.name == "strftime_now") {
        if (called.text() != nullptr) return called;
        context_.fail("strftime_now: the library reads no clock: give the date as the variable strftime_now", Status::unsupported);
    }
    if (function == nullptr) context_.fail("'" + callee.name + "' is " + std::string(kind_of(called)) + ", no function");
    if (function->macro != nullptr) return call_macro(*function->macro, arguments);
    return function->receiver.is_undefined() ? call_function(arguments) : call_method(function->receiver, arguments);
}

// A macro sees its parameters and what the template itself has set.
Value Interpreter::call_macro(const Statement& macro, const Arguments& arguments) {
    const Restored first(first_scope_, scopes_.size());
    const Restored loops(loops_, std::size_t{0});
    const Scope scope(scopes_);
    if (arguments.values.size() > macro.parameters.size()) arguments.fail("more arguments than parameters");
    for (const auto& [name, value] : arguments.named) {
        if (std::none_of(macro.parameters.begin(), macro.parameters.end(), [&, &key = name](const Parameter& one) { return one.name == key; })) {
            arguments.fail("no parameter is called " + name);
        }
        scopes_.back().insert_or_assign(name, value);
    }
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
        const Parameter& parameter = macro.parameters[i];
        if (i < arguments.values.size()) {
            scopes_.back().insert_or_assign(parameter.name, arguments.values[i]);
        } else if (!scopes_.back().contains(parameter.name)) {
            scopes_.back().insert_or_assign(parameter.name, parameter.otherwise == nullptr ? undefined(parameter.name) : evaluate(*parameter.otherwise));
        }
    }
    return capture(macro.body);
}

}  // namespace rorqual::prompts::jinja
