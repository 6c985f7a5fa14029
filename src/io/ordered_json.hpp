#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "io/json.hpp"

namespace rorqual::io {

/// A JSON value that keeps what printing it again needs: the order of keys, and numbers of any length. A plain value; the parser has
/// limited the depth, and releasing it takes no memory.
struct OrderedJson {
    enum class Kind : std::uint8_t { null,
                                     boolean,
                                     number,
                                     string,
                                     array,
                                     object };

    Kind kind = Kind::null;
    bool truth = false;                 ///< of a boolean
    std::string text;                   ///< of a string; of a number, as print_json writes it
    std::vector<std::string> names;     ///< keys of an object, as they came
    std::vector<OrderedJson> elements;  ///< of an array; of an object the values, one for each key

    /// The member of an object; nullptr where it has none, or is none.
    [[nodiscard]] const OrderedJson* find(std::string_view name) const noexcept;
};

/// Parses JSON text. Errors as parse_json, except that a repeated key is told where its object ends.
[[nodiscard]] OrderedJson parse_ordered_json(std::string_view text, const std::string& origin, JsonLimits limits = {});

/// A finite number as Python writes it: the shortest form that reads back, "1.0", "1e-05", "1e+16".
[[nodiscard]] std::string shortest_decimal(double value);

/// Appends a value in the form of Python's json.dumps(value, ensure_ascii=False), in which published prompts have it: ", " and ": " between
/// things, integers as they were written, other numbers in the shortest form that reads back ("1.0", "1e-05", "1e+16").
void print_json(std::string& out, const OrderedJson& value);
/// The same for a string: in quotation marks, escaped only where JSON asks for it.
void print_json_string(std::string& out, std::string_view text);
/// What stands between the quotation marks.
void print_json_escaped(std::string& out, std::string_view text);

}  // namespace rorqual::io
