#include "text/json_node.hpp"

#include <algorithm>

#include "io/printable.hpp"

namespace rorqual::text {

bool is_integer(const nlohmann::json& value, std::int64_t least, std::int64_t most) {
    if (!value.is_number_integer()) return false;
    if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)) return false;
    return value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= most;
}

std::string JsonNode::key() const { return path_.empty() ? *origin_ : *origin_ + ": " + io::printable(path_); }

void JsonNode::refuse(Status status, const std::string& what) const { throw Error(status, key() + ": " + what); }

const JsonNode& JsonNode::only(std::initializer_list<std::string_view> keys) const {
    if (!value_->is_object()) refuse(Status::corrupt, "expected an object");
    for (const auto& [name, ignored] : value_->items()) {
        if (std::find(keys.begin(), keys.end(), name) == keys.end()) at(name.c_str()).refuse(Status::unsupported, "this key is not known");
    }
    return *this;
}

JsonNode JsonNode::at(const char* name) const {
    static const nlohmann::json absent;
    if (!value_->is_object()) refuse(Status::corrupt, "expected an object");
    const auto found = value_->find(name);
    return {found == value_->end() ? absent : *found, path_.empty() ? name : path_ + "." + name, *origin_};
}

JsonNode JsonNode::at(std::size_t index) const { return {value_->at(index), path_ + "[" + std::to_string(index) + "]", *origin_}; }

const std::string& JsonNode::string() const {
    if (!value_->is_string()) refuse(Status::corrupt, "expected a string");
    return value_->get_ref<const std::string&>();
}

std::string JsonNode::string(std::string otherwise) const { return is_null() ? std::move(otherwise) : string(); }

bool JsonNode::boolean() const {
    if (!value_->is_boolean()) refuse(Status::corrupt, "expected true or false");
    return value_->get<bool>();
}

bool JsonNode::boolean(bool otherwise) const { return is_null() ? otherwise : boolean(); }

std::int64_t JsonNode::integer(std::int64_t least, std::int64_t most) const {
    if (!is_integer(*value_, least, most)) {
        refuse(Status::corrupt, "expected an integer from " + std::to_string(least) + " to " + std::to_string(most));
    }
    return value_->get<std::int64_t>();
}

std::size_t JsonNode::array_size() const {
    if (!value_->is_array()) refuse(Status::corrupt, "expected an array");
    return value_->size();
}

}  // namespace rorqual::text
