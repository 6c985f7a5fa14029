#include "prompts/jinja/arguments.hpp"

#include <algorithm>

#include "prompts/jinja/operations.hpp"

namespace rorqual::prompts::jinja {

void Arguments::bind(const std::string_view* parameters, std::size_t count, Value* bound) const {
    if (values.size() > count) fail(std::to_string(values.size()) + " arguments, expected " + std::to_string(count) + " at most");
    std::copy(values.begin(), values.end(), bound);
    for (const auto& [key, value] : named) {
        const auto at = static_cast<std::size_t>(std::find(parameters, parameters + count, key) - parameters);
        if (at == count) fail("no parameter is called " + key, Status::unsupported);
        if (at < values.size()) fail(key + " is given twice");
        bound[at] = value;
    }
}

const Text& Arguments::text(const Value& value, std::string_view parameter) const {
    if (value.text() == nullptr) fail(std::string(parameter) + ": " + std::string(kind_of(value)) + ", expected a string");
    return *value.text();
}

std::int64_t Arguments::integer_or(const Value& value, std::int64_t otherwise, std::string_view parameter) const {
    if (value.is_undefined() || value.is_none()) return otherwise;
    const auto number = integer(value);
    if (!number) fail(std::string(parameter) + ": " + std::string(kind_of(value)) + ", expected an integer");
    return *number;
}

}  // namespace rorqual::prompts::jinja
