#include "weights/config_reader.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <nlohmann/json.hpp>

#include "io/printable.hpp"

namespace rorqual::weights {
namespace {

using nlohmann::json;

// The value as it stands in messages; containers by their type alone.
std::string shown(const json& value) {
    if (value.is_string()) return "\"" + io::printable(value.get_ref<const std::string&>()) + "\"";
    if (value.is_array()) return "an array";
    if (value.is_object()) return "an object";
    return value.dump();
}

template <class Number>
std::string range_text(Number low, Number high) {
    return "[" + json(low).dump() + ", " + json(high).dump() + "]";
}

// The value as an integer, if it is one that 64 bits hold: 4096, and 4096.0 as some exporters write it.
std::optional<std::int64_t> as_integer(const json& value) {
    if (value.is_number_unsigned()) {
        const auto number = value.get<std::uint64_t>();
        if (number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
        return static_cast<std::int64_t>(number);
    }
    if (value.is_number_integer()) return value.get<std::int64_t>();
    if (!value.is_number_float()) return std::nullopt;
    const auto number = value.get<double>();
    if (!(number >= -0x1p63 && number < 0x1p63) || number != std::trunc(number)) return std::nullopt;
    return static_cast<std::int64_t>(number);
}

std::optional<std::int64_t> integer_in(const json& value, std::int64_t low, std::int64_t high) {
    const auto number = as_integer(value);
    return number && *number >= low && *number <= high ? number : std::nullopt;
}

std::string expected_integer(std::int64_t low, std::int64_t high) { return "expected an integer in " + range_text(low, high); }
std::string expected_number(double low, double high) { return "expected a number in " + range_text(low, high); }

std::string expected_choice(const std::vector<std::string>& allowed) {
    std::string text = "expected one of";
    for (const std::string& choice : allowed) text += (&choice == &allowed.front() ? " \"" : ", \"") + choice + "\"";
    return text;
}

}  // namespace

ConfigReader::ConfigReader(const json& object, ConfigOrigin origin, Problems& problems)
    : ConfigReader(object, std::move(origin), "", problems) {}

ConfigReader::ConfigReader(const json& object, ConfigOrigin origin, std::string path, Problems& problems)
    : object_(object.is_object() ? &object : nullptr), origin_(std::move(origin)), path_(std::move(path)), problems_(&problems) {
    if (object_ == nullptr) problems_->add(Status::corrupt, origin_.file + ": expected a JSON object, found " + shown(object));
}

const json* ConfigReader::find(const char* key) const {
    if (object_ == nullptr) return nullptr;
    const auto found = object_->find(key);
    return found == object_->end() || found->is_null() ? nullptr : &*found;
}

bool ConfigReader::has(const char* key) const { return find(key) != nullptr; }

std::int64_t ConfigReader::integer(const char* key, std::int64_t low, std::int64_t high) {
    if (!has(key)) complain(key, "missing, " + expected_integer(low, high));
    return integer_or(key, low, low, high);
}

std::int64_t ConfigReader::integer_or(const char* key, std::int64_t fallback, std::int64_t low, std::int64_t high) {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (const auto number = integer_in(*value, low, high)) return *number;
    complain(key, "is " + shown(*value) + ", " + expected_integer(low, high));
    return fallback;
}

double ConfigReader::number(const char* key, double low, double high) {
    if (!has(key)) complain(key, "missing, " + expected_number(low, high));
    return number_or(key, low, low, high);
}

double ConfigReader::number_or(const char* key, double fallback, double low, double high) {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_number()) {
        const auto number = value->get<double>();
        if (std::isfinite(number) && number >= low && number <= high) return number;
    }
    complain(key, "is " + shown(*value) + ", " + expected_number(low, high));
    return fallback;
}

bool ConfigReader::boolean(const char* key) {
    if (!has(key)) complain(key, "missing, expected true or false");
    return boolean_or(key, false);
}

bool ConfigReader::boolean_or(const char* key, bool fallback) {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_boolean()) return value->get<bool>();
    complain(key, "is " + shown(*value) + ", expected true or false");
    return fallback;
}

std::string ConfigReader::choice(const char* key, const std::vector<std::string>& allowed) {
    if (!has(key)) complain(key, "missing, " + expected_choice(allowed));
    return choice_or(key, allowed.empty() ? std::string() : allowed.front(), allowed);
}

std::string ConfigReader::choice_or(const char* key, const std::string& fallback, const std::vector<std::string>& allowed) {
    const json* value = find(key);
    if (value == nullptr) return fallback;
    if (value->is_string()) {
        const auto& text = value->get_ref<const std::string&>();
        if (std::find(allowed.begin(), allowed.end(), text) != allowed.end()) return text;
        // A value the format knows and this version does not: not the file's mistake.
        complain(key, "is " + shown(*value) + ", " + expected_choice(allowed), Status::unsupported);
        return fallback;
    }
    complain(key, "is " + shown(*value) + ", " + expected_choice(allowed));
    return fallback;
}

std::vector<std::int64_t> ConfigReader::integers_or_empty(const char* key, std::int64_t low, std::int64_t high) {
    const json* value = find(key);
    if (value == nullptr) return {};
    if (!value->is_array()) {
        if (const auto number = integer_in(*value, low, high)) return {*number};
        complain(key, "is " + shown(*value) + ", " + expected_integer(low, high) + " or an array of them");
        return {};
    }
    std::vector<std::int64_t> numbers;
    for (const json& element : *value) {
        const auto number = integer_in(element, low, high);
        if (!number) {
            complain(key, "element " + std::to_string(numbers.size()) + " is " + shown(element) + ", " + expected_integer(low, high));
            return {};
        }
        numbers.push_back(*number);
    }
    return numbers;
}

std::optional<ConfigReader> ConfigReader::object(const char* key) {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (value->is_object()) return ConfigReader(*value, origin_, path_ + key + ": ", *problems_);
    complain(key, "is " + shown(*value) + ", expected an object");
    return std::nullopt;
}

void ConfigReader::complain(const char* key, const std::string& what, Status status) {
    const std::string path = path_ + key;
    const auto own_name = origin_.keys.find(path);
    problems_->add(status, origin_.file + ": " + (own_name == origin_.keys.end() ? path : own_name->second) + ": " + what);
}

}  // namespace rorqual::weights
