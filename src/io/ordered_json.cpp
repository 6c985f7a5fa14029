#include "io/ordered_json.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>

#include "io/json_builder.hpp"

namespace rorqual::io {
namespace {

using Kind = OrderedJson::Kind;

OrderedJson of(Kind kind, std::string text = {}) {
    OrderedJson value;
    value.kind = kind;
    value.text = std::move(text);
    return value;
}

struct OrderedTree {
    using Value = OrderedJson;
    static Value make(bool truth) {
        Value value = of(Kind::boolean);
        value.truth = truth;
        return value;
    }
    static Value make(std::int64_t value) { return of(Kind::number, std::to_string(value)); }
    static Value make(std::uint64_t value) { return of(Kind::number, std::to_string(value)); }
    static Value make(double value, const std::string& text) {
        const bool integer = text.find_first_of(".eE") == std::string::npos;  // one beyond 64 bits
        return of(Kind::number, integer ? text : shortest_decimal(value));
    }
    static Value make(std::string&& text) { return of(Kind::string, std::move(text)); }
    static Value array() { return of(Kind::array); }
    static Value object() { return of(Kind::object); }
    static bool is_array(const Value& value) { return value.kind == Kind::array; }
    static Value* append(Value& array, Value&& value) { return &array.elements.emplace_back(std::move(value)); }
    static Value* insert(Value& object, const std::string& name) {
        object.names.push_back(name);
        return &object.elements.emplace_back();
    }
    // Sorted once the object is whole: looking for each key as it comes would take n² steps.
    static const std::string* repeated(const Value& object) {
        std::vector<const std::string*> names;
        names.reserve(object.names.size());
        for (const std::string& name : object.names) names.push_back(&name);
        std::sort(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a < *b; });
        const auto twice = std::adjacent_find(names.begin(), names.end(), [](const auto* a, const auto* b) { return *a == *b; });
        return twice == names.end() ? nullptr : *twice;
    }
};

void print_elements(std::string& out, const OrderedJson& value, char open, char close) {
    out += open;
    for (std::size_t i = 0; i < value.elements.size(); ++i) {
        if (i > 0) out += ", ";
        if (value.kind == Kind::object) {
            print_json_string(out, value.names[i]);
            out += ": ";
        }
        print_json(out, value.elements[i]);
    }
    out += close;
}

}  // namespace

// Python's repr of a float: digits in a row for 1e-4 ≤ |value| < 1e16, else with an exponent of at least two digits.
std::string shortest_decimal(double value) {
    char buffer[32];
    const auto written = [&](std::chars_format format) {
        return std::string(buffer, std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr);
    };
    const std::string scientific = written(std::chars_format::scientific);
    const int exponent = std::atoi(scientific.c_str() + scientific.find('e') + 1);
    if (exponent < -4 || exponent >= 16) return scientific;
    const std::string fixed = written(std::chars_format::fixed);
    return fixed.find('.') == std::string::npos ? fixed + ".0" : fixed;
}

const OrderedJson* OrderedJson::find(std::string_view name) const noexcept {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? nullptr : &elements[static_cast<std::size_t>(found - names.begin())];
}

OrderedJson parse_ordered_json(std::string_view text, const std::string& origin, JsonLimits limits) {
    OrderedJson root;
    JsonBuilder<OrderedTree>(text, origin, limits, root).build();
    return root;
}

void print_json(std::string& out, const OrderedJson& value) {
    switch (value.kind) {
        case Kind::null: out += "null"; break;
        case Kind::boolean: out += value.truth ? "true" : "false"; break;
        case Kind::number: out += value.text; break;
        case Kind::string: print_json_string(out, value.text); break;
        case Kind::array: print_elements(out, value, '[', ']'); break;
        case Kind::object: print_elements(out, value, '{', '}'); break;
    }
}

void print_json_string(std::string& out, std::string_view text) {
    out += '"';
    print_json_escaped(out, text);
    out += '"';
}

void print_json_escaped(std::string& out, std::string_view text) {
    constexpr char digits[] = "0123456789abcdef";
    for (const char c : text) {
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            case '\b': out += "\\b"; break;
            case '\f': out += "\\f"; break;
            default:
                if (const auto byte = static_cast<unsigned char>(c); byte < 0x20) {
                    out += "\\u00";
                    out += digits[byte >> 4];
                    out += digits[byte & 15];
                } else {
                    out += c;
                }
        }
    }
}

}  // namespace rorqual::io
