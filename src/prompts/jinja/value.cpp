#include "prompts/jinja/value.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

namespace rorqual::prompts::jinja {
namespace {

std::size_t depth_inside(Context& context, const Value& value, std::string_view container) {
    if (value.name_space() != nullptr) context.fail("a namespace in " + std::string(container), Status::unsupported);
    return depth_of(value);
}

Value number_from(const std::string& text) {
    std::int64_t integer = 0;
    const char* const end = text.data() + text.size();
    if (const auto read = std::from_chars(text.data(), end, integer); read.ec == std::errc() && read.ptr == end) return integer;
    if (text.find_first_of(".eE") == std::string::npos) return Digits{std::make_shared<const std::string>(text)};
    double real = 0;
    (void)std::from_chars(text.data(), end, real);
    return real;
}

}  // namespace

const Value* Dict::find(std::string_view key) const noexcept {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key->whole() == key; });
    return found == entries.end() ? nullptr : &found->value;
}

Value* Namespace::find(std::string_view name) noexcept {
    const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) { return entry.first == name; });
    return found == entries.end() ? nullptr : &found->second;
}

Value make_text(Context& context, Text text) {
    context.bytes(text.whole().size() + sizeof(Text));
    return std::make_shared<const Text>(std::move(text));
}

Value make_markup(Context& context, std::string_view text) { return make_text(context, Text().markup(text)); }

Value make_list(Context& context, Values values) {
    List list{std::move(values)};
    context.bytes(list.values.size() * sizeof(Value) + sizeof(List));
    for (const Value& value : list.values) list.depth = std::max(list.depth, 1 + depth_inside(context, value, "a list"));
    context.check_depth(list.depth);
    return std::make_shared<const List>(std::move(list));
}

Value make_dict(Context& context, Entries entries) {
    Dict dict{std::move(entries)};
    context.bytes(dict.entries.size() * sizeof(Entry) + sizeof(Dict));
    for (const Entry& entry : dict.entries) dict.depth = std::max(dict.depth, 1 + depth_inside(context, entry.value, "a dict"));
    context.check_depth(dict.depth);
    return std::make_shared<const Dict>(std::move(dict));
}

Value make_method(Context& context, Value receiver, std::string_view name) {
    context.bytes(sizeof(Function) + name.size());
    context.check_depth(1 + depth_of(receiver));
    return std::make_shared<const Function>(Function{nullptr, std::string(name), std::move(receiver)});
}

Value undefined(std::string_view name) { return Undefined{std::make_shared<const std::string>(name)}; }

Value from_json(const io::OrderedJson& json, bool is_markup) {
    using Kind = io::OrderedJson::Kind;
    const auto text = [&](const std::string& bytes) { return std::make_shared<const Text>(Text().append(bytes, is_markup)); };
    switch (json.kind) {
        case Kind::null: return None{};
        case Kind::boolean: return json.truth;
        case Kind::number: return number_from(json.text);
        case Kind::string: return text(json.text);
        case Kind::array: {
            List list;
            for (const auto& element : json.elements) {
                list.values.push_back(from_json(element, is_markup));
                list.depth = std::max(list.depth, 1 + depth_of(list.values.back()));
            }
            return std::make_shared<const List>(std::move(list));
        }
        case Kind::object: {
            Dict dict;
            for (std::size_t i = 0; i < json.elements.size(); ++i) {
                dict.entries.push_back({text(json.names[i]), from_json(json.elements[i], is_markup)});
                dict.depth = std::max(dict.depth, 1 + depth_of(dict.entries.back().value));
            }
            return std::make_shared<const Dict>(std::move(dict));
        }
    }
    return None{};
}

std::string_view kind_of(const Value& value) noexcept {
    if (value.is_undefined()) return "something undefined";
    if (value.is_none()) return "none";
    if (value.as<bool>() != nullptr) return "true or false";
    if (value.as<std::int64_t>() != nullptr || value.as<double>() != nullptr) return "a number";
    if (value.as<Digits>() != nullptr) return "an integer beyond 64 bits";
    if (value.text() != nullptr) return "a string";
    if (value.list() != nullptr) return "a list";
    if (value.dict() != nullptr) return "a dict";
    if (value.name_space() != nullptr) return "a namespace";
    return value.loop() != nullptr ? "loop" : "a function";
}

std::size_t depth_of(const Value& value) noexcept {
    if (const auto* list = value.list()) return list->depth;
    if (const auto* dict = value.dict()) return dict->depth;
    if (const auto* loop = value.loop()) return 1 + loop->items->depth;
    if (const auto* function = value.function()) return 1 + depth_of(function->receiver);
    return 0;
}

}  // namespace rorqual::prompts::jinja
