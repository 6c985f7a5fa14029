#include "grammar/json_schema.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "grammar/json_rules.hpp"
#include "io/ordered_json.hpp"
#include "rorqual/error.hpp"

namespace rorqual::grammar {
namespace {

using Json = io::OrderedJson;
using Kind = Json::Kind;

constexpr std::array types = {"object", "array", "string", "number", "integer", "boolean", "null"};

/// Keywords that say nothing about which values are right.
constexpr std::array ignored = {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "$schema", "$id", "$comment", "$defs", "definitions"};

/// Where in the schema, as complaints name it: "schema: properties.age".
struct Place {
    std::reference_wrapper<const Json> json;
    std::string path;

    [[nodiscard]] const Json& value() const { return json; }
    [[nodiscard]] Place at(std::string_view key) const { return {*value().find(key), path.empty() ? std::string(key) : path + '.' + std::string(key)}; }
    [[nodiscard]] Place at(std::size_t index) const { return {value().elements[index], path + '[' + std::to_string(index) + ']'}; }
    [[nodiscard]] bool has(std::string_view key) const { return value().find(key) != nullptr; }
    [[noreturn]] void refuse(const std::string& what, Status status = Status::invalid_argument) const {
        throw Error(status, "schema: " + (path.empty() ? what : path + ": " + what));
    }
    void require(Kind kind, const char* what) const {
        if (value().kind != kind) refuse(std::string("expected ") + what);
    }
};

/// The types that a value of an enumeration has.
bool is_of(const Json& value, std::string_view type) {
    switch (value.kind) {
        case Kind::object: return type == "object";
        case Kind::array: return type == "array";
        case Kind::string: return type == "string";
        case Kind::boolean: return type == "boolean";
        case Kind::null: return type == "null";
        default: return type == "number" || (type == "integer" && value.text.find_first_of(".eE") == std::string::npos);
    }
}

class SchemaReader {
 public:
    explicit SchemaReader(const Json& document) : document_(document), json_(rules_) {}

    Rules read() {
        rules_.root = rule_of({document_, ""});
        while (!waiting_.empty()) {  // not one within another: a chain of references may be long
            const auto [schema, rule] = std::move(waiting_.back());
            waiting_.pop_back();
            rules_.define(rule, value(schema));
        }
        return std::move(rules_);
    }

 private:
    using Keys = std::set<std::string, std::less<>>;

    /// Each schema that is referred to becomes a rule, so that schemas may refer to themselves.
    Index rule_of(const Place& schema) {
        const auto [at, added] = rule_of_.try_emplace(&schema.value(), 0);
        if (!added) return at->second;
        at->second = rules_.declare(schema.path.empty() ? "#" : schema.path);
        waiting_.emplace_back(schema, at->second);
        return at->second;
    }

    Index value(const Place& schema) {
        if (schema.value().kind == Kind::boolean) {
            if (!schema.value().truth) schema.refuse("false admits nothing");
            return json_.value();
        }
        schema.require(Kind::object, "an object, true or false");
        Keys keys(schema.value().names.begin(), schema.value().names.end());
        for (const char* key : ignored) keys.erase(key);
        if (keys.empty()) return json_.value();
        if (keys.contains("$ref")) return alone(schema, keys, "$ref"), rules_.call(rule_of(referred(schema.at("$ref"))));
        if (keys.contains("anyOf")) return alone(schema, keys, "anyOf"), alternatives(schema.at("anyOf"));
        if (keys.contains("oneOf")) return alone(schema, keys, "oneOf"), apart(schema.at("oneOf")), alternatives(schema.at("oneOf"));
        if (keys.contains("allOf")) {
            alone(schema, keys, "allOf");
            const Place all = schema.at("allOf");
            all.require(Kind::array, "an array of schemas");
            if (all.value().elements.size() != 1) all.refuse("several schemas at once are not supported", Status::unsupported);
            return value(all.at(0));
        }
        const auto named = types_of(schema);
        if (keys.contains("const") || keys.contains("enum")) return listed(schema, keys, named);
        std::vector<Index> ways;
        keys.erase("type");
        for (const auto& type : named) ways.push_back(of_type(type, schema, keys));
        if (!keys.empty()) schema.refuse("keyword " + *keys.begin() + " is not supported here", Status::unsupported);
        return rules_.choice(std::move(ways));
    }

    static void alone(const Place& schema, const Keys& keys, const char* key) {
        for (const auto& other : keys) {
            if (other != key) schema.refuse(std::string(key) + " beside " + other + " is not supported", Status::unsupported);
        }
    }

    /// What "type" says; without it, what the other keywords speak of.
    static std::vector<std::string> types_of(const Place& schema) {
        std::vector<std::string> named;
        const auto add = [&](const Place& type) {
            type.require(Kind::string, "the name of a type");
            if (std::ranges::find(types, type.value().text) == types.end()) type.refuse("\"" + type.value().text + "\" is no type");
            named.push_back(type.value().text);
        };
        if (schema.has("type")) {
            const Place type = schema.at("type");
            if (type.value().kind != Kind::array) return add(type), named;
            for (std::size_t i = 0; i < type.value().elements.size(); ++i) add(type.at(i));
            if (named.empty()) type.refuse("expected a type");
            return named;
        }
        const auto speaks = [&](std::initializer_list<const char*> keys) { return std::ranges::any_of(keys, [&](const char* key) { return schema.has(key); }); };
        if (speaks({"properties", "required", "additionalProperties"})) named.emplace_back("object");
        if (speaks({"items", "prefixItems", "minItems", "maxItems"})) named.emplace_back("array");
        if (speaks({"minLength", "maxLength"})) named.emplace_back("string");
        if (speaks({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})) named.emplace_back("number");
        return named;
    }

    Index of_type(const std::string& type, const Place& schema, Keys& keys) {
        const auto known = [&](std::initializer_list<const char*> own) {
            for (const char* key : own) keys.erase(key);
        };
        if (type == "object") return known({"properties", "required", "additionalProperties"}), object(schema);
        if (type == "array") return known({"items", "prefixItems", "minItems", "maxItems"}), array(schema);
        if (type == "string") {
            known({"minLength", "maxLength", "format"});
            const auto [least, most] = counts(schema, "minLength", "maxLength");
            return json_.string(least, most);
        }
        if (type == "integer") return known({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}), integer(schema);
        if (type == "number") return json_.number();
        return type == "boolean" ? json_.boolean() : json_.null();
    }

    Index alternatives(const Place& schemas) {
        schemas.require(Kind::array, "an array of schemas");
        if (schemas.value().elements.empty()) schemas.refuse("expected a schema");
        std::vector<Index> ways;
        for (std::size_t i = 0; i < schemas.value().elements.size(); ++i) ways.push_back(value(schemas.at(i)));
        return rules_.choice(std::move(ways));
    }

    /// oneOf wants no value to be right twice: schemas have to differ in type, or in what a property must be.
    void apart(const Place& schemas) const {
        schemas.require(Kind::array, "an array of schemas");
        const auto differ = [&](const Json& a, const Json& b) {
            const Json *type_a = a.find("type"), *type_b = b.find("type");
            const bool named = type_a && type_b && type_a->kind == Kind::string && type_b->kind == Kind::string;
            const auto number = [](const Json& type) { return type.text == "number" || type.text == "integer"; };
            if (named && type_a->text != type_b->text && !(number(*type_a) && number(*type_b))) return true;
            const Json *own = a.find("properties"), *others = b.find("properties");
            if (!own || !others) return false;
            for (std::size_t i = 0; i < own->names.size(); ++i) {
                const Json *here = own->elements[i].find("const"), *other = others->find(own->names[i]), *there = other ? other->find("const") : nullptr;
                if (here && there && here->kind == Kind::string && there->kind == Kind::string && here->text != there->text && requires_(a, own->names[i]) && requires_(b, own->names[i])) return true;
            }
            return false;
        };
        const auto& all = schemas.value().elements;
        for (std::size_t i = 0; i < all.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (!differ(target(all[i]), target(all[j]))) schemas.at(i).refuse("a value may be right here and in [" + std::to_string(j) + "] as well: give them different types or constant properties, or use anyOf", Status::unsupported);
            }
        }
    }
    static bool requires_(const Json& schema, std::string_view name) {
        const Json* required = schema.find("required");
        return required && std::ranges::any_of(required->elements, [&](const Json& one) { return one.kind == Kind::string && one.text == name; });
    }
    [[nodiscard]] const Json& target(const Json& schema) const {
        const Json* reference = schema.find("$ref");
        return reference && reference->kind == Kind::string ? referred({*reference, ""}).value() : schema;
    }

    /// "#" or "#/a/b": a JSON pointer (RFC 6901) into the schema.
    [[nodiscard]] Place referred(const Place& reference) const {
        reference.require(Kind::string, "a reference");
        const std::string& text = reference.value().text;
        if (!text.starts_with('#') || (text.size() > 1 && text[1] != '/')) reference.refuse("\"" + text + "\": only references into this schema are supported (\"#/…\")", Status::unsupported);
        const Json* at = &document_;
        for (std::size_t i = 1; i < text.size();) {
            const auto end = std::min(text.find('/', i + 1), text.size());
            std::string name;
            for (++i; i < end; ++i) {
                const bool escaped = text[i] == '~' && i + 1 < end && (text[i + 1] == '0' || text[i + 1] == '1');
                name += escaped ? (text[++i] == '0' ? '~' : '/') : text[i];
            }
            const Json* next = at->find(name);
            std::size_t index = 0;
            if (at->kind == Kind::array && std::from_chars(name.data(), name.data() + name.size(), index).ptr == name.data() + name.size() && index < at->elements.size()) next = &at->elements[index];
            if (!next) reference.refuse("\"" + text + "\" leads nowhere");
            at = next;
        }
        return {*at, text};
    }

    Index listed(const Place& schema, const Keys& keys, const std::vector<std::string>& named) {
        for (const auto& key : keys) {
            if (key != "type" && key != "const" && key != "enum" && key != "format") schema.refuse("keyword " + key + " beside const or enum is not supported", Status::unsupported);
        }
        if (keys.contains("const") && keys.contains("enum")) schema.refuse("const beside enum is not supported", Status::unsupported);
        std::vector<Index> ways;
        const auto add = [&](const Json& one) {
            if (!named.empty() && std::ranges::none_of(named, [&](const std::string& type) { return is_of(one, type); })) return;
            std::string text;
            io::print_json(text, one);
            ways.push_back(rules_.text(text));
        };
        if (keys.contains("const")) {
            add(schema.at("const").value());
        } else {
            const Place values = schema.at("enum");
            values.require(Kind::array, "an array of values");
            for (const Json& one : values.value().elements) add(one);
        }
        if (ways.empty()) schema.refuse("no value of the list is of the type");
        return rules_.choice(std::move(ways));
    }

    std::optional<std::int64_t> whole(const Place& schema, const char* key) const {
        if (!schema.has(key)) return std::nullopt;
        const Place place = schema.at(key);
        place.require(Kind::number, "a number");
        std::string text = place.value().text;
        if (text.ends_with(".0")) text.resize(text.size() - 2);
        std::int64_t n = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), n);
        if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || n == std::numeric_limits<std::int64_t>::min() || n == std::numeric_limits<std::int64_t>::max()) place.refuse("expected an integer of 64 bits");
        return n;
    }
    std::pair<std::uint32_t, std::uint32_t> counts(const Place& schema, const char* least_key, const char* most_key) const {
        const auto count = [&](const char* key, std::uint32_t otherwise) {
            const auto n = whole(schema, key);
            if (!n) return otherwise;
            if (*n < 0 || *n > static_cast<std::int64_t>(Rules::most_expressions)) schema.at(key).refuse("expected 0 to " + std::to_string(Rules::most_expressions));
            return static_cast<std::uint32_t>(*n);
        };
        const auto least = count(least_key, 0), most = count(most_key, Expression::endless);
        if (least > most) schema.refuse(std::string(least_key) + " beyond " + most_key);
        return {least, most};
    }
    Index integer(const Place& schema) {
        auto least = whole(schema, "minimum"), most = whole(schema, "maximum");
        if (const auto above = whole(schema, "exclusiveMinimum")) least = std::max(least.value_or(*above + 1), *above + 1);
        if (const auto below = whole(schema, "exclusiveMaximum")) most = std::min(most.value_or(*below - 1), *below - 1);
        if (least && most && *least > *most) schema.refuse("no integer lies between minimum and maximum");
        return json_.integer(least, most);
    }

    Index array(const Place& schema) {
        auto [least, most] = counts(schema, "minItems", "maxItems");
        std::vector<Index> first;
        if (schema.has("prefixItems")) {
            const Place items = schema.at("prefixItems");
            items.require(Kind::array, "an array of schemas");
            for (std::size_t i = 0; i < items.value().elements.size(); ++i) first.push_back(value(items.at(i)));
            if (!schema.has("minItems")) least = std::min(most, static_cast<std::uint32_t>(first.size()));
        }
        std::optional<Index> others;
        const bool closed = schema.has("items") ? schema.at("items").value().kind == Kind::boolean && !schema.at("items").value().truth : schema.has("prefixItems");
        if (!closed) others = schema.has("items") ? value(schema.at("items")) : json_.value();
        if (closed) most = std::min(most, static_cast<std::uint32_t>(first.size()));
        if (least > most) schema.refuse("minItems beyond the items there are");
        return json_.list("[", elements(first, others, least, most), "]");
    }
    /// Items from the first on: those of `first` in their order, then `others`.
    Index elements(const std::vector<Index>& first, std::optional<Index> others, std::uint32_t least, std::uint32_t most) {
        const auto known = std::min(static_cast<std::uint32_t>(first.size()), most);
        const auto rest = [&](std::uint32_t n, std::uint32_t before) { return n == Expression::endless ? n : n > before ? n - before
                                                                                                                        : 0; };
        std::optional<Index> tail;  // what follows item i, built from the end
        if (others && most > known) {
            const auto before = std::max<std::uint32_t>(known, 1);
            tail = rules_.repeat(rules_.sequence({json_.comma(), *others}), rest(least, before), rest(most, before));
        }
        for (std::uint32_t i = known; i-- > 1;) {
            std::vector<Index> parts{json_.comma(), first[i]};
            if (tail) parts.push_back(*tail);
            const Index rule = rules_.declare("item " + std::to_string(i));  // a rule each: brackets in one would nest as deep
            rules_.define(rule, rules_.sequence(std::move(parts)));
            tail = least <= i ? rules_.optional(rules_.call(rule)) : rules_.call(rule);
        }
        if (most == 0) return rules_.text("");
        std::vector<Index> parts{known > 0 ? first[0] : *others};
        if (tail) parts.push_back(*tail);
        const Index all = rules_.sequence(std::move(parts));
        return least == 0 ? rules_.optional(all) : all;
    }

    struct Member {
        std::string name;
        Index pair;
        bool required;
    };

    Index object(const Place& schema) {
        std::vector<std::string> names;
        std::vector<Member> members;
        const auto pair = [&](Index name, Index own) { return rules_.sequence({name, json_.colon(), own}); };
        const auto named = [&](const std::string& name, Index own) {
            constexpr std::size_t longest = 1024;
            if (name.size() > longest) schema.refuse("a property's name of " + std::to_string(name.size()) + " bytes, at most " + std::to_string(longest) + " are supported", Status::unsupported);
            std::string text;
            io::print_json_string(text, name);
            members.push_back({name, pair(rules_.text(text), own), requires_(schema.value(), name)});
            names.push_back(name);
        };
        if (schema.has("properties")) {
            const Place properties = schema.at("properties");
            properties.require(Kind::object, "an object of schemas");
            for (const auto& name : properties.value().names) named(name, value(properties.at(name)));
        }
        const bool open = schema.has("additionalProperties") ? !(schema.at("additionalProperties").value().kind == Kind::boolean && !schema.at("additionalProperties").value().truth) : !schema.has("properties");
        const auto other_value = [&] { return schema.has("additionalProperties") ? value(schema.at("additionalProperties")) : json_.value(); };
        if (schema.has("required")) {
            const Place required = schema.at("required");
            required.require(Kind::array, "an array of names");
            for (std::size_t i = 0; i < required.value().elements.size(); ++i) {
                const Place name = required.at(i);
                name.require(Kind::string, "a name");
                if (std::ranges::find(names, name.value().text) != names.end()) continue;
                if (!open) name.refuse("\"" + name.value().text + "\" is none of the properties");
                named(name.value().text, other_value());
            }
        }
        std::optional<Index> others;
        if (open) others = pair(json_.other_name(names), other_value());
        return json_.list("{", members_of(members, others), "}");
    }
    /// Members in their order, those that are not required or not, then others.
    Index members_of(const std::vector<Member>& members, std::optional<Index> others) {
        Index rest = others ? rules_.repeat(rules_.sequence({json_.comma(), *others}), 0) : rules_.text("");
        // By the member that is written first, if any; side by side, since nested they would be as deep as there are members.
        std::vector<Index> ways{others ? rules_.optional(rules_.sequence({*others, rest})) : rules_.text("")};
        for (auto member = members.rbegin(); member != members.rend(); ++member) {
            const Index after = rules_.declare("after " + member->name);
            rules_.define(after, rest);
            if (member->required) ways.clear();
            ways.push_back(rules_.sequence({member->pair, rules_.call(after)}));
            const Index more = rules_.sequence({json_.comma(), member->pair});
            rest = rules_.sequence({member->required ? more : rules_.optional(more), rules_.call(after)});
        }
        return rules_.choice(std::move(ways));
    }

    const Json& document_;
    Rules rules_;
    JsonRules json_;
    std::map<const Json*, Index> rule_of_;
    std::vector<std::pair<Place, Index>> waiting_;  // rules without a body yet
};

}  // namespace

Rules read_schema(std::string_view text) {
    try {
        constexpr io::JsonLimits limits{.depth = 64, .bytes = std::size_t{1} << 20, .values = std::size_t{1} << 15};
        const Json document = io::parse_ordered_json(text, "schema", limits);
        return SchemaReader(document).read();
    } catch (const Error& e) {
        // A schema is an argument, not a file.
        if (e.status() == Status::corrupt) throw Error(Status::invalid_argument, e.what());
        throw;
    }
}

}  // namespace rorqual::grammar
