#include "io/json.hpp"

#include <utility>

#include <nlohmann/json.hpp>

#include "io/json_builder.hpp"

namespace rorqual::io {
namespace {

using nlohmann::json;

// Releasing an array or object that is empty takes no memory; the parser has limited the depth.
void release_children(json& value) noexcept {
    if (auto* array = value.get_ptr<json::array_t*>()) {
        for (json& element : *array) release_children(element);
        array->clear();
    } else if (auto* object = value.get_ptr<json::object_t*>()) {
        for (auto& [name, member] : *object) release_children(member);
        object->clear();
    }
}

struct NlohmannTree {
    using Value = json;
    template <class T>
    static json make(T&& value) { return json(std::forward<T>(value)); }
    static json make(double value, const std::string&) { return json(value); }
    static json array() { return json::array(); }
    static json object() { return json::object(); }
    static bool is_array(const json& value) { return value.is_array(); }
    static json* append(json& array, json&& value) { return &array.get_ref<json::array_t&>().emplace_back(std::move(value)); }
    static json* insert(json& object, const std::string& name) {
        const auto [entry, is_new] = object.get_ref<json::object_t&>().try_emplace(name);
        return is_new ? &entry->second : nullptr;
    }
    static const std::string* repeated(const json&) { return nullptr; }
};

}  // namespace

JsonDocument::JsonDocument() : root_(new json(json::object())) {}
JsonDocument::JsonDocument(JsonDocument&&) noexcept = default;
JsonDocument& JsonDocument::operator=(JsonDocument&&) noexcept = default;
JsonDocument::~JsonDocument() = default;

void JsonDocument::TakeApart::operator()(json* root) const noexcept {
    release_children(*root);
    delete root;
}

JsonDocument parse_json(std::string_view text, const std::string& origin, JsonLimits limits) {
    JsonDocument document;
    JsonBuilder<NlohmannTree>(text, origin, limits, *document.root_).build();
    return document;
}

}  // namespace rorqual::io
