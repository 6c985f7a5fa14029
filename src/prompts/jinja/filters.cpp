#include "prompts/jinja/filters.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>

#include "io/printable.hpp"
#include "prompts/jinja/methods.hpp"
#include "prompts/jinja/operations.hpp"
#include "prompts/jinja/print.hpp"
#include "prompts/jinja/tests.hpp"
#include "prompts/jinja/text_operations.hpp"

namespace rorqual::prompts::jinja {
namespace {

template <std::size_t count>
using Parameters = std::array<std::string_view, count>;

bool absent(const Value& value) noexcept { return value.is_undefined() || value.is_none(); }

/// A method of strings as a filter, of whatever has a text.
Value as_method(const Value& value, const Arguments& call) {
    const Value text = make_text(call.context, print(call.context, value));
    if (call.name == "title") {  // of other words than the method's
        call.bind_none();
        return make_text(call.context, with_case(call.context, *text.text(), Case::words));
    }
    if (call.name != "trim") return call_method(text, call);
    Arguments strip(call.context, "strip");
    strip.values = call.values;
    strip.named = call.named;
    return call_method(text, strip);
}

Value same(const Value& value, const Arguments& call) {
    call.bind_none();
    return value;
}

Value string(const Value& value, const Arguments& call) {
    call.bind_none();
    return make_text(call.context, print(call.context, value));
}

Value length(const Value& value, const Arguments& call) {
    call.bind_none();
    return static_cast<std::int64_t>(length(call.context, value));
}

Value otherwise(const Value& value, const Arguments& call) {
    const auto [fallback, boolean] = call.bind(Parameters<2>{"default_value", "boolean"});
    if (!value.is_undefined() && (truth(value) || !truth(boolean))) return value;
    return fallback.is_undefined() ? make_markup(call.context, "") : fallback;
}

Value to_json(const Value& value, const Arguments& call) {
    const auto [ascii, indent, separators, sort_keys] = call.bind(Parameters<4>{"ensure_ascii", "indent", "separators", "sort_keys"});
    if (truth(ascii)) call.fail("ensure_ascii is not supported", Status::unsupported);
    JsonStyle style;
    style.indent = call.integer_or(indent, -1, "indent");
    if (style.indent > 64) call.fail("indent: more than 64", Status::unsupported);
    if (style.indent >= 0) style.comma = ",";
    style.sort_keys = truth(sort_keys);
    if (const auto* list = separators.list(); list != nullptr && list->values.size() == 2) {
        style.comma = call.text(list->values[0], "separators").whole();
        style.colon = call.text(list->values[1], "separators").whole();
    } else if (!absent(separators)) {
        call.fail("separators: expected two strings");
    }
    return make_text(call.context, print_json(call.context, value, style));
}

Value indent(const Value& value, const Arguments& call) {
    const auto [width, first, blank] = call.bind(Parameters<3>{"width", "first", "blank"});
    Text indention;
    if (width.text() != nullptr) {
        indention = *width.text();
    } else {
        const auto spaces = call.integer_or(width, 4, "width");
        if (spaces > 1024) call.fail("width: more than 1024", Status::unsupported);
        indention.markup(std::string(static_cast<std::size_t>(std::max<std::int64_t>(spaces, 0)), ' '));
    }
    const Values lines = split(call.context, print(call.context, value), "\n");
    Text whole;
    for (std::size_t i = 0; i < lines.size(); ++i) {
        const Text& line = *lines[i].text();
        const bool indented = i == 0 ? truth(first) : truth(blank) || !line.whole().empty();
        call.context.bytes(1 + line.whole().size() + indention.whole().size());
        if (i > 0) whole.markup("\n");
        if (indented) whole.append(indention);
        whole.append(line);
    }
    return make_text(call.context, std::move(whole));
}

// ---- numbers ----

Value to_integer(const Value& value, const Arguments& call) {
    const auto [fallback] = call.bind(Parameters<1>{"default"});
    if (const auto number = integer(value)) return *number;
    auto decimal = real(value);
    if (const auto* text = value.text()) {
        const std::string digits = stripped(call.context, *text, Side::both, std::nullopt).whole();
        const char *begin = digits.data() + (digits.starts_with('+') ? 1 : 0), *end = digits.data() + digits.size();
        std::int64_t number = 0;
        if (const auto read = std::from_chars(begin, end, number); read.ec == std::errc() && read.ptr == end) return number;
        double parsed = 0;
        if (const auto read = std::from_chars(begin, end, parsed); read.ec == std::errc() && read.ptr == end) decimal = parsed;
    }
    if (decimal && std::abs(*decimal) < 9e18) return static_cast<std::int64_t>(*decimal);
    return fallback.is_undefined() ? Value(std::int64_t{0}) : fallback;
}

Value to_float(const Value& value, const Arguments& call) {
    const auto [fallback] = call.bind(Parameters<1>{"default"});
    if (const auto number = real(value)) return *number;
    if (const auto* text = value.text()) {
        const std::string digits = stripped(call.context, *text, Side::both, std::nullopt).whole();
        double number = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
        if (read.ec == std::errc() && read.ptr == digits.data() + digits.size() && std::isfinite(number)) return number;
    }
    return fallback.is_undefined() ? Value(0.0) : fallback;
}

Value absolute(const Value& value, const Arguments& call) {
    call.bind_none();
    const auto number = real(value);
    if (!number) call.fail(std::string(kind_of(value)) + ", expected a number");
    return *number < 0 ? negative(call.context, value) : value;
}

// ---- lists ----

/// "a.b.0" of a value, as filters name attributes; `fallback` takes the place of what is not there.
Value attribute_of(const Arguments& call, const Value& value, const Value& path, const Value& fallback = {}) {
    if (const auto index = integer(path)) return item(call.context, value, *index);
    Value at = value;
    for (const Value& name : split(call.context, call.text(path, "attribute"), ".")) {
        std::int64_t index = 0;
        const std::string& text = name.text()->whole();
        const auto read = std::from_chars(text.data(), text.data() + text.size(), index);
        at = item(call.context, at, !text.empty() && read.ec == std::errc() && read.ptr == text.data() + text.size() ? Value(index) : name);
        if (at.is_undefined() && !fallback.is_undefined()) at = fallback;
    }
    return at;
}

Value join(const Value& value, const Arguments& call) {
    const auto [separator, attribute] = call.bind(Parameters<2>{"d", "attribute"});
    Values values = items(call.context, value)->values;
    if (!absent(attribute)) {
        for (Value& one : values) one = attribute_of(call, one, attribute);
    }
    return make_text(call.context, joined(call.context, absent(separator) ? Text() : print(call.context, separator), values));
}

Value list(const Value& value, const Arguments& call) {
    call.bind_none();
    return items(call.context, value);
}

template <bool at_front>
Value end_of(const Value& value, const Arguments& call) {
    call.bind_none();
    const auto values = items(call.context, value);
    if (values->values.empty()) return undefined(at_front ? "the first of nothing" : "the last of nothing");
    return at_front ? values->values.front() : values->values.back();
}

Value reverse(const Value& value, const Arguments& call) {
    call.bind_none();
    return slice(call.context, value.text() != nullptr ? value : Value(items(call.context, value)), {}, {}, std::int64_t{-1});
}

Value pairs(const Value& value, const Arguments& call) {
    call.bind_none();
    if (value.is_undefined()) return make_list(call.context, {});
    if (value.dict() == nullptr) call.fail(std::string(kind_of(value)) + ", expected a dict");
    return call_method(value, Arguments(call.context, "items"));
}

/// How values are ordered: by an attribute, strings without regard to case unless it is asked for.
class Order {
 public:
    Order(const Arguments& call, Value attribute, bool by_case) : call_(call), attribute_(std::move(attribute)), by_case_(by_case) {}

    [[nodiscard]] Value key(const Value& value) const {
        Value key = absent(attribute_) ? value : attribute_of(call_, value, attribute_);
        return by_case_ || key.text() == nullptr ? key : make_text(call_.context, with_case(call_.context, *key.text(), Case::lower));
    }

    [[nodiscard]] Values sorted(const Values& values, bool descending) const {
        std::vector<std::pair<Value, Value>> keyed;
        call_.context.bytes(values.size() * 2 * sizeof(Value));
        for (const Value& value : values) keyed.emplace_back(key(value), value);
        std::stable_sort(keyed.begin(), keyed.end(), [&](const auto& a, const auto& b) {
            return descending ? less(call_.context, b.first, a.first) : less(call_.context, a.first, b.first);
        });
        Values result;
        for (auto& [unused, value] : keyed) result.push_back(std::move(value));
        return result;
    }

 private:
    const Arguments& call_;
    Value attribute_;
    bool by_case_;
};

Value sort(const Value& value, const Arguments& call) {
    const auto [descending, by_case, attribute] = call.bind(Parameters<3>{"reverse", "case_sensitive", "attribute"});
    return make_list(call.context, Order(call, attribute, truth(by_case)).sorted(items(call.context, value)->values, truth(descending)));
}

Value dictsort(const Value& value, const Arguments& call) {
    const auto [by_case, by, descending] = call.bind(Parameters<3>{"case_sensitive", "by", "reverse"});
    const bool by_value = by.text() != nullptr && by.text()->whole() == "value";
    const Order order(call, std::int64_t{by_value ? 1 : 0}, truth(by_case));
    return make_list(call.context, order.sorted(pairs(value, Arguments(call.context, call.name)).list()->values, truth(descending)));
}

Value unique(const Value& value, const Arguments& call) {
    const auto [by_case, attribute] = call.bind(Parameters<2>{"case_sensitive", "attribute"});
    const Order order(call, attribute, truth(by_case));
    Values kept, keys;
    for (const Value& one : items(call.context, value)->values) {
        Value key = order.key(one);
        if (std::any_of(keys.begin(), keys.end(), [&](const Value& other) { return equal(call.context, key, other); })) continue;
        keys.push_back(std::move(key));
        kept.push_back(one);
    }
    return make_list(call.context, std::move(kept));
}

template <bool greatest>
Value extreme(const Value& value, const Arguments& call) {
    const auto [by_case, attribute] = call.bind(Parameters<2>{"case_sensitive", "attribute"});
    const Values sorted = Order(call, attribute, truth(by_case)).sorted(items(call.context, value)->values, greatest);
    return sorted.empty() ? undefined("the extreme of nothing") : sorted.front();
}

Value sum(const Value& value, const Arguments& call) {
    const auto [attribute, start] = call.bind(Parameters<2>{"attribute", "start"});
    Value total = start.is_undefined() ? Value(std::int64_t{0}) : start;
    for (const Value& one : items(call.context, value)->values) {
        call.context.step();
        total = binary(call.context, "+", total, absent(attribute) ? one : attribute_of(call, one, attribute));
    }
    return total;
}

/// The arguments of a filter or test that another filter is told to use.
Arguments inner_call(const Arguments& call, std::size_t name_at) {
    const Text& name = call.text(call.values[name_at], "name");
    Arguments inner(call.context, name.whole());
    inner.values.assign(call.values.begin() + static_cast<std::ptrdiff_t>(name_at) + 1, call.values.end());
    inner.named = call.named;
    return inner;
}

Value map(const Value& value, const Arguments& call) {
    const auto values = items(call.context, value);
    const bool by_attribute = call.values.empty();
    std::array<Value, 2> bound;
    if (by_attribute) bound = call.bind(Parameters<2>{"attribute", "default"});
    const auto& [attribute, fallback] = bound;
    const Context::Level level(call.context);
    Values mapped;
    for (const Value& one : values->values) {
        call.context.step();
        mapped.push_back(by_attribute ? attribute_of(call, one, attribute, fallback) : apply_filter(one, inner_call(call, 0)));
    }
    return make_list(call.context, std::move(mapped));
}

/// select and reject: by a test of each value, or of its attribute; without a test, by truth.
template <bool wanted, bool by_attribute>
Value choose(const Value& value, const Arguments& call) {
    constexpr std::size_t test_at = by_attribute ? 1 : 0;
    if (call.values.size() < test_at) call.fail("expected an attribute");
    Values chosen;
    for (const Value& one : items(call.context, value)->values) {
        call.context.step();
        const Value looked_at = by_attribute ? attribute_of(call, one, call.values[0]) : one;
        const bool holds = call.values.size() > test_at ? apply_test(looked_at, inner_call(call, test_at)) : truth(looked_at);
        if (holds == wanted) chosen.push_back(one);
    }
    return make_list(call.context, std::move(chosen));
}

struct Filter {
    std::string_view name;
    Value (*apply)(const Value&, const Arguments&);
};

constexpr Filter filters[] = {
    {"abs", absolute}, {"capitalize", as_method}, {"count", length}, {"d", otherwise}, {"default", otherwise}, {"dictsort", dictsort}, {"first", end_of<true>}, {"float", to_float}, {"indent", indent}, {"int", to_integer}, {"items", pairs}, {"join", join}, {"last", end_of<false>}, {"length", length}, {"list", list}, {"lower", as_method}, {"map", map}, {"max", extreme<true>}, {"min", extreme<false>}, {"reject", choose<false, false>}, {"rejectattr", choose<false, true>}, {"replace", as_method}, {"reverse", reverse}, {"safe", same}, {"select", choose<true, false>}, {"selectattr", choose<true, true>}, {"sort", sort}, {"string", string}, {"sum", sum}, {"title", as_method}, {"tojson", to_json}, {"trim", as_method}, {"unique", unique}, {"upper", as_method}};

}  // namespace

Value apply_filter(const Value& value, const Arguments& arguments) {
    for (const Filter& filter : filters) {
        if (filter.name == arguments.name) return filter.apply(value, arguments);
    }
    arguments.context.fail("the filter \"" + io::printable(arguments.name, 40) + "\" is not supported", Status::unsupported);
}

}  // namespace rorqual::prompts::jinja
