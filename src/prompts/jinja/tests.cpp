#include "prompts/jinja/tests.hpp"

#include <algorithm>

#include "io/printable.hpp"
#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"
#include "prompts/jinja/text_operations.hpp"

namespace rorqual::prompts::jinja {
namespace {

struct KindTest {
    std::string_view name;
    bool (*holds)(const Value&);
};

bool is_number(const Value& v) { return real(v).has_value() || v.as<Digits>() != nullptr; }
bool has_items(const Value& v) { return v.is_undefined() || v.text() != nullptr || v.list() != nullptr || v.dict() != nullptr; }

constexpr KindTest kinds[] = {
    {"defined", [](const Value& v) { return !v.is_undefined(); }},
    {"undefined", [](const Value& v) { return v.is_undefined(); }},
    {"none", [](const Value& v) { return v.is_none(); }},
    {"boolean", [](const Value& v) { return v.as<bool>() != nullptr; }},
    {"true", [](const Value& v) { return v.as<bool>() != nullptr && *v.as<bool>(); }},
    {"false", [](const Value& v) { return v.as<bool>() != nullptr && !*v.as<bool>(); }},
    {"integer", [](const Value& v) { return v.as<std::int64_t>() != nullptr || v.as<Digits>() != nullptr; }},
    {"float", [](const Value& v) { return v.as<double>() != nullptr; }},
    {"number", is_number},
    {"string", [](const Value& v) { return v.text() != nullptr; }},
    {"mapping", [](const Value& v) { return v.dict() != nullptr; }},
    {"sequence", has_items},
    {"iterable", has_items},
    {"callable", [](const Value& v) { return v.function() != nullptr; }},
};

struct ComparisonTest {
    std::string_view name, symbol;
};
constexpr ComparisonTest comparisons[] = {{"eq", "=="}, {"equalto", "=="}, {"ne", "!="}, {"lt", "<"}, {"lessthan", "<"}, {"le", "<="}, {"gt", ">"}, {"greaterthan", ">"}, {"ge", ">="}, {"in", "in"}};

std::int64_t whole(const Value& value, const Arguments& arguments) {
    const auto number = integer(value);
    if (!number) arguments.fail(std::string(kind_of(value)) + ", expected an integer");
    return *number;
}

bool is_same(const Arguments& arguments, const Value& a, const Value& b) {
    if (a.as<bool>() != nullptr || b.as<bool>() != nullptr) return a.as<bool>() != nullptr && b.as<bool>() != nullptr && *a.as<bool>() == *b.as<bool>();
    return equal(arguments.context, a, b);
}

}  // namespace

bool apply_test(const Value& value, const Arguments& arguments) {
    const std::string_view name = arguments.name;
    for (const KindTest& test : kinds) {
        if (test.name != name) continue;
        arguments.bind_none();
        return test.holds(value);
    }
    if (name == "odd" || name == "even") {
        arguments.bind_none();
        return (whole(value, arguments) % 2 != 0) == (name == "odd");
    }
    if (name == "lower" || name == "upper") {
        arguments.bind_none();
        const Text text = print(arguments.context, value);
        const auto has_case = [&](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
        return with_case(arguments.context, text, name == "lower" ? Case::lower : Case::upper).whole() == text.whole() &&
               std::any_of(text.whole().begin(), text.whole().end(), has_case);
    }
    const auto [other] = arguments.bind(std::array<std::string_view, 1>{"other"});
    for (const ComparisonTest& test : comparisons) {
        if (test.name == name) return compare(arguments.context, test.symbol, value, other);
    }
    if (name == "sameas") return is_same(arguments, value, other);
    if (name == "divisibleby") {
        const std::int64_t divisor = whole(other, arguments);
        if (divisor == 0) arguments.fail("a division by zero");
        return divisor == -1 || whole(value, arguments) % divisor == 0;
    }
    arguments.context.fail("the test \"" + io::printable(name, 40) + "\" is not supported", Status::unsupported);
}

}  // namespace rorqual::prompts::jinja
