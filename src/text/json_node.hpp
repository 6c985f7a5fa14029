#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "rorqual/error.hpp"

namespace rorqual::text {

/// True for an integer from least to most; 0 ≤ most.
[[nodiscard]] bool is_integer(const nlohmann::json& value, std::int64_t least, std::int64_t most);

/// A value of a JSON file that knows its own path, so that every complaint names file and key. Borrows the document.
class JsonNode {
 public:
    JsonNode(const nlohmann::json& value, std::string path, const std::string& origin)
        : value_(&value), path_(std::move(path)), origin_(&origin) {}

    /// "tokenizer.json: model.vocab"
    [[nodiscard]] std::string key() const;
    [[noreturn]] void refuse(Status status, const std::string& what) const;

    [[nodiscard]] bool is_null() const { return value_->is_null(); }
    [[nodiscard]] const nlohmann::json& value() const { return *value_; }

    /// Requires an object without keys beyond these: one that is not known could change what the file means.
    const JsonNode& only(std::initializer_list<std::string_view> keys) const;
    /// A member, or null where it is absent. Requires an object.
    [[nodiscard]] JsonNode at(const char* name) const;
    /// An element of an array.
    [[nodiscard]] JsonNode at(std::size_t index) const;

    /// These require the type; null and absent are `otherwise` where one is given.
    [[nodiscard]] const std::string& string() const;
    [[nodiscard]] std::string string(std::string otherwise) const;
    [[nodiscard]] bool boolean() const;
    [[nodiscard]] bool boolean(bool otherwise) const;
    [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const;
    [[nodiscard]] std::size_t array_size() const;

 private:
    const nlohmann::json* value_;
    std::string path_;
    const std::string* origin_;
};

}  // namespace rorqual::text
