#include "prompts/jinja/operations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "prompts/jinja/methods.hpp"
#include "prompts/jinja/print.hpp"
#include "text/utf8.hpp"

namespace rorqual::prompts::jinja {
namespace {

[[noreturn]] void refuse_operands(const Context& context, std::string_view name, const Value& left, const Value& right) {
    const auto told = [](const Value& value) {
        const auto* missing = value.as<Undefined>();
        return missing != nullptr && missing->name != nullptr ? "'" + *missing->name + "', which is undefined" : std::string(kind_of(value));
    };
    context.fail(std::string(name) + " of " + told(left) + " and " + told(right));
}

template <class Compute>
std::int64_t checked(const Context& context, const Compute& compute) {
    std::int64_t result = 0;
    if (compute(&result)) context.fail("an integer beyond 64 bits", Status::unsupported);
    return result;
}

Value finite(const Context& context, double value) {
    if (!std::isfinite(value)) context.fail("a number beyond what a double holds");
    return value;
}

std::int64_t floor_divided(const Context& context, std::int64_t a, std::int64_t b) {
    if (b == -1) return checked(context, [&](auto* r) { return __builtin_sub_overflow(std::int64_t{0}, a, r); });
    return a / b - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0);
}

Value integer_power(const Context& context, std::int64_t base, std::int64_t exponent) {
    if (exponent < 0) return finite(context, std::pow(static_cast<double>(base), static_cast<double>(exponent)));
    if (base == 0 || base == 1) return exponent == 0 ? std::int64_t{1} : base;
    if (base == -1) return exponent % 2 == 0 ? std::int64_t{1} : std::int64_t{-1};
    std::int64_t result = 1;  // other bases leave 64 bits within 64 rounds
    for (; exponent > 0; --exponent) result = checked(context, [&](auto* r) { return __builtin_mul_overflow(result, base, r); });
    return result;
}

Value arithmetic(const Context& context, std::string_view name, std::int64_t a, std::int64_t b) {
    if (name == "+") return checked(context, [&](auto* r) { return __builtin_add_overflow(a, b, r); });
    if (name == "-") return checked(context, [&](auto* r) { return __builtin_sub_overflow(a, b, r); });
    if (name == "*") return checked(context, [&](auto* r) { return __builtin_mul_overflow(a, b, r); });
    if (name == "**") return integer_power(context, a, b);
    if (b == 0) context.fail("a division by zero");
    if (name == "/") return static_cast<double>(a) / static_cast<double>(b);
    if (name == "//") return floor_divided(context, a, b);
    return b == -1 ? std::int64_t{0} : (a % b + b) % b;
}

Value arithmetic(const Context& context, std::string_view name, double a, double b) {
    if (name == "+") return finite(context, a + b);
    if (name == "-") return finite(context, a - b);
    if (name == "*") return finite(context, a * b);
    if (name == "**") return finite(context, std::pow(a, b));
    if (b == 0) context.fail("a division by zero");
    if (name == "/") return finite(context, a / b);
    if (name == "//") return finite(context, std::floor(a / b));
    return finite(context, a - b * std::floor(a / b));
}

Value joined(Context& context, const List& left, const List& right) {
    context.bytes((left.values.size() + right.values.size()) * sizeof(Value));
    Values all = left.values;
    all.insert(all.end(), right.values.begin(), right.values.end());
    return make_list(context, std::move(all));
}

Value joined(Context& context, const Text& left, const Text& right) {
    context.bytes(left.whole().size() + right.whole().size());
    return make_text(context, Text(left).append(right));
}

Value repeated(Context& context, const Text& text, std::int64_t count) {
    Text all;
    for (; count > 0 && !text.whole().empty(); --count) {
        context.step();
        context.bytes(text.whole().size());
        all.append(text);
    }
    return make_text(context, std::move(all));
}

std::size_t characters(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

/// Where each character begins, and the end.
std::vector<std::size_t> beginnings(Context& context, std::string_view text) {
    context.bytes(text.size() * sizeof(std::size_t));
    std::vector<std::size_t> at;
    for (std::size_t i = 0; i < text.size(); i += character_size(text, i)) at.push_back(i);
    at.push_back(text.size());
    return at;
}

/// Python's place of an index in something of this size; nothing outside.
std::optional<std::size_t> place(std::int64_t index, std::size_t size) noexcept {
    const auto signed_size = static_cast<std::int64_t>(size);
    if (index < 0) index += signed_size;
    if (index < 0 || index >= signed_size) return std::nullopt;
    return static_cast<std::size_t>(index);
}

bool contains(Context& context, const Value& container, const Value& sought) {
    if (container.is_undefined()) return false;
    if (const auto* text = container.text(); text != nullptr && sought.text() != nullptr) {
        return find(context, text->whole(), sought.text()->whole()) != std::string_view::npos;
    }
    if (const auto* dict = container.dict()) {
        context.step(1 + dict->entries.size() / 16);
        return sought.text() != nullptr && dict->find(sought.text()->whole()) != nullptr;
    }
    const auto* list = container.list();
    if (list == nullptr) refuse_operands(context, "in", sought, container);
    return std::any_of(list->values.begin(), list->values.end(), [&](const Value& value) { return equal(context, value, sought); });
}

}  // namespace

std::optional<std::int64_t> integer(const Value& value) noexcept {
    if (const auto* number = value.as<std::int64_t>()) return *number;
    if (const auto* flag = value.as<bool>()) return *flag ? 1 : 0;
    return std::nullopt;
}

std::optional<double> real(const Value& value) noexcept {
    if (const auto* number = value.as<double>()) return *number;
    if (const auto whole = integer(value)) return static_cast<double>(*whole);
    return std::nullopt;
}

std::size_t character_size(std::string_view text, std::size_t at) noexcept { return text::codepoint_at(text.data() + at).length; }

std::size_t find(Context& context, std::string_view text, std::string_view part, std::size_t from) {
    if (from > text.size()) return std::string_view::npos;
    context.step(1 + (text.size() - from) * (1 + part.size()) / 4096);  // standard libraries look from every place anew
    return text.find(part, from);
}

bool truth(const Value& value) noexcept {
    if (value.is_undefined() || value.is_none()) return false;
    if (const auto number = real(value)) return *number != 0;
    if (const auto* text = value.text()) return !text->whole().empty();
    if (const auto* list = value.list()) return !list->values.empty();
    if (const auto* dict = value.dict()) return !dict->entries.empty();
    return true;
}

bool equal(Context& context, const Value& left, const Value& right) {
    context.step();
    if (const auto a = integer(left), b = integer(right); a && b) return *a == *b;
    if (const auto a = real(left), b = real(right); a && b) return *a == *b;
    if (const auto* a = left.as<Digits>(), *b = right.as<Digits>(); a != nullptr && b != nullptr) return *a->text == *b->text;
    if (const auto* a = left.text(), *b = right.text(); a != nullptr && b != nullptr) {
        context.step(std::min(a->whole().size(), b->whole().size()) / 4096);
        return a->whole() == b->whole();
    }
    if (const auto* a = left.list(), *b = right.list(); a != nullptr && b != nullptr) {
        return a == b || std::equal(a->values.begin(), a->values.end(), b->values.begin(), b->values.end(),
                                    [&](const Value& x, const Value& y) { return equal(context, x, y); });
    }
    if (const auto* a = left.dict(), *b = right.dict(); a != nullptr && b != nullptr) {
        const auto in_b = [&](const Entry& entry) {
            context.step(1 + b->entries.size() / 16);
            const Value* other = b->find(entry.key->whole());
            return other != nullptr && equal(context, entry.value, *other);
        };
        return a == b || (a->entries.size() == b->entries.size() && std::all_of(a->entries.begin(), a->entries.end(), in_b));
    }
    if (left.name_space() != nullptr) return left.name_space() == right.name_space();
    return (left.is_none() && right.is_none()) || (left.is_undefined() && right.is_undefined());
}

bool less(Context& context, const Value& left, const Value& right) {
    context.step();
    if (const auto a = integer(left), b = integer(right); a && b) return *a < *b;
    if (const auto a = real(left), b = real(right); a && b) return *a < *b;
    if (const auto* a = left.text(), *b = right.text(); a != nullptr && b != nullptr) return a->whole() < b->whole();
    refuse_operands(context, "the order", left, right);
}

bool compare(Context& context, std::string_view name, const Value& left, const Value& right) {
    if (name == "==") return equal(context, left, right);
    if (name == "!=") return !equal(context, left, right);
    if (name == "<") return less(context, left, right);
    if (name == ">") return less(context, right, left);
    if (name == "<=") return !less(context, right, left);
    if (name == ">=") return !less(context, left, right);
    return contains(context, right, left) == (name == "in");
}

Value binary(Context& context, std::string_view name, const Value& left, const Value& right) {
    if (name == "~") return joined(context, print(context, left), print(context, right));
    const auto a = integer(left), b = integer(right);
    if (a && b) return arithmetic(context, name, *a, *b);
    if (const auto x = real(left), y = real(right); x && y) return arithmetic(context, name, *x, *y);
    if (name == "+" && left.text() != nullptr && right.text() != nullptr) return joined(context, *left.text(), *right.text());
    if (name == "+" && left.list() != nullptr && right.list() != nullptr) return joined(context, *left.list(), *right.list());
    if (name == "*" && left.text() != nullptr && b) return repeated(context, *left.text(), *b);
    if (name == "*" && right.text() != nullptr && a) return repeated(context, *right.text(), *a);
    refuse_operands(context, name, left, right);
}

Value negative(Context& context, const Value& value) {
    if (const auto* number = value.as<double>()) return -*number;
    return binary(context, "-", std::int64_t{0}, value);
}

std::size_t length(Context& context, const Value& value) {
    if (value.is_undefined()) return 0;
    if (const auto* text = value.text()) {
        context.step(text->whole().size() / 1024);
        return characters(text->whole());
    }
    if (const auto* list = value.list()) return list->values.size();
    if (const auto* dict = value.dict()) return dict->entries.size();
    context.fail("the length of " + std::string(kind_of(value)));
}

std::shared_ptr<const List> items(Context& context, const Value& value) {
    if (const auto* shared = value.as<std::shared_ptr<const List>>()) return *shared;
    Values values;
    if (const auto* dict = value.dict()) {
        context.bytes(dict->entries.size() * sizeof(Value));
        for (const Entry& entry : dict->entries) values.emplace_back(entry.key);
    } else if (const auto* text = value.text()) {
        const auto at = beginnings(context, text->whole());
        for (std::size_t i = 0; i + 1 < at.size(); ++i) values.push_back(make_text(context, Text().append(*text, at[i], at[i + 1])));
    } else if (!value.is_undefined()) {
        context.fail(std::string(kind_of(value)) + " is nothing to loop over");
    }
    return *make_list(context, std::move(values)).as<std::shared_ptr<const List>>();
}

Value item(Context& context, const Value& value, const Value& key) {
    if (key.text() != nullptr) {
        const std::string& name = key.text()->whole();
        if (const auto* dict = value.dict()) {
            context.step(dict->entries.size() / 16);
            if (const Value* found = dict->find(name)) return *found;
        }
        return attribute(context, value, name);
    }
    const auto index = integer(key);
    if (const auto* list = value.list(); list != nullptr && index) {
        const auto at = place(*index, list->values.size());
        return at ? list->values[*at] : undefined("an entry of a list");
    }
    if (const auto* text = value.text(); text != nullptr && index) {
        const auto at = beginnings(context, text->whole());
        const auto character = place(*index, at.size() - 1);
        return character ? make_text(context, Text().append(*text, at[*character], at[*character + 1])) : undefined("a character of a string");
    }
    if (value.is_undefined()) return attribute(context, value, "an entry");
    return undefined("an entry");
}

Value attribute(Context& context, const Value& value, std::string_view name) {
    if (const auto* missing = value.as<Undefined>()) {
        context.fail("'" + (missing->name != nullptr ? *missing->name : "it") + "' is undefined");
    }
    if (auto* space = value.name_space()) {
        const Value* found = space->find(name);
        return found != nullptr ? *found : undefined(name);
    }
    if (const auto* loop = value.loop()) return loop_attribute(context, *loop, value, name);
    if (has_method(value, name)) return make_method(context, value, name);
    if (const auto* dict = value.dict()) {
        context.step(dict->entries.size() / 16);
        if (const Value* found = dict->find(name)) return *found;
    }
    return undefined(name);
}

Value slice(Context& context, const Value& value, const Value& begin, const Value& end, const Value& step) {
    const auto number = [&](const Value& given, std::int64_t otherwise) {
        if (given.is_undefined() || given.is_none()) return otherwise;
        if (const auto whole = integer(given)) return *whole;
        context.fail("a slice with " + std::string(kind_of(given)));
    };
    const auto* text = value.text();
    if (text == nullptr && value.list() == nullptr) context.fail("a slice of " + std::string(kind_of(value)));
    const auto at = text != nullptr ? beginnings(context, text->whole()) : std::vector<std::size_t>();
    const auto size = static_cast<std::int64_t>(text != nullptr ? at.size() - 1 : value.list()->values.size());
    const std::int64_t stride = number(step, 1);
    if (stride == 0) context.fail("a slice with a step of zero");
    const std::int64_t lowest = stride > 0 ? 0 : -1, highest = stride > 0 ? size : size - 1;
    const auto bound = [&](std::int64_t index) { return std::clamp(index < 0 ? index + size : index, lowest, highest); };
    const auto given = [](const Value& one) { return !one.is_undefined() && !one.is_none(); };
    const std::int64_t first = given(begin) ? bound(number(begin, 0)) : stride > 0 ? lowest
                                                                                   : highest;
    const std::int64_t last = given(end) ? bound(number(end, 0)) : stride > 0 ? highest
                                                                              : lowest;
    const auto each = [&](const auto& take) {
        for (std::int64_t i = first; stride > 0 ? i < last : i > last;) {
            context.step();
            take(static_cast<std::size_t>(i));
            if (stride > size || stride < -size) break;
            i += stride;
        }
    };
    if (text != nullptr && stride == 1) {
        return make_text(context, first < last ? Text().append(*text, at[static_cast<std::size_t>(first)], at[static_cast<std::size_t>(last)]) : Text());
    }
    if (text != nullptr) {
        Text part;
        each([&](std::size_t i) { part.append(*text, at[i], at[i + 1]); });
        return make_text(context, std::move(part));
    }
    Values part;
    each([&](std::size_t i) { part.push_back(value.list()->values[i]); });
    return make_list(context, std::move(part));
}

}  // namespace rorqual::prompts::jinja
