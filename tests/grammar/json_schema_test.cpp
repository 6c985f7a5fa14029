#include <catch2/catch.hpp>

#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "grammar/grammar_impl.hpp"
#include "grammar/matcher.hpp"
#include "rorqual/error.hpp"
#include "rorqual/grammar.hpp"

using namespace rorqual;

namespace {

struct Case {
    const char* schema;
    std::vector<std::string> right, wrong;
};

const Case cases[] = {
    {"true", {"null", "[1, {\"a\": [true]}]", "-0.5e+10", "\"\\u00e9\\n\""}, {"", "nul", "01", "[1,]", "{\"a\" 1}", "\"\n\"", "\"\\ud800\"", "1 ", "1e400", std::string(21, '9')}},
    {R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}, "required": ["name"]})",
     {R"({"name": "Ann"})", R"({"name":"","age":-3})", "{\n  \"name\": \"B\",\n  \"age\": 0\n}"},
     {"{}", R"({"age": 1})", R"({"age": 1, "name": "x"})", R"({"name": "x", "age": 1.5})", R"({"name": "x", "other": 1})", R"({"name": "x",})"}},
    {R"({"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "required": ["b"]})", {R"({"b":1})", R"({"a":1,"b":2})", R"({"b":1,"c":2})", R"({"a":1,"b":1,"c":1})"}, {R"({"a":1})", R"({"c":1,"b":1})", R"({,"b":1})", R"({"a":1,"c":1})"}},
    {R"({"type": "object", "properties": {"ab": {"type": "null"}, "ac": {}}, "additionalProperties": {"type": "boolean"}})",
     {"{}", R"({"ab": null})", R"({"x": true})", R"({"ab": null, "a": false, "abc": true, "": true})"},
     {R"({"ab": true})", R"({"x": true, "ab": null})", R"({"x": 1})", R"({"x": true, "ac": false})"}},
    {R"({"type": "object"})", {"{}", R"({"x": {"y": []}})"}, {"[]", "{1: 2}"}},
    {R"({"required": ["x"], "additionalProperties": {"type": "integer"}})", {R"({"x": 1})", R"({"x": 1, "y": 2})"}, {"{}", R"({"y": 2})", R"({"x": true})"}},
    {R"({"type": "array", "items": {"type": "integer", "minimum": 7, "maximum": 12}, "minItems": 1, "maxItems": 3})", {"[7]", "[ 12, 9,8 ]", "[10, 11, 7]"}, {"[]", "[6]", "[13]", "[7,7,7,7]", "[07]", "[120]"}},
    {R"({"prefixItems": [{"const": "a"}, {"type": "null"}]})", {R"(["a", null])"}, {R"(["a"])", R"(["a", null, 1])", "[]"}},
    {R"({"prefixItems": [{"const": "a"}, {"type": "null"}], "minItems": 0, "items": {"type": "boolean"}, "maxItems": 3})", {"[]", R"(["a"])", R"(["a",null])", R"(["a",null,true])"}, {R"(["a",true])", R"(["a",null,true,true])"}},
    {R"({"enum": ["red", 1, null, {"a": [1, 2]}]})", {"\"red\"", "1", "null", R"({"a": [1, 2]})"}, {"\"blue\"", "2", "red"}},
    {R"({"type": "string", "enum": ["red", 1]})", {"\"red\""}, {"1"}},
    {R"({"type": ["string", "null"], "maxLength": 2})", {"null", "\"\"", "\"é語\"", "\"\\u00e9x\""}, {"\"abc\"", "1"}},
    {R"({"anyOf": [{"type": "integer"}, {"type": "array", "items": {"$ref": "#"}}]})", {"1", "[]", "[1, [2, [[]]]]"}, {"\"a\"", "[\"a\"]"}},
    {R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"v": {"type": "number"}, "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["v", "next"]}}})",
     {R"({"v": 1, "next": null})", R"({"v": 1, "next": {"v": 2.5, "next": null}})"},
     {R"({"v": 1})", R"({"v": 1, "next": {}})"}},
    {R"({"oneOf": [{"type": "integer"}, {"type": "string"}]})", {"1", "\"x\""}, {"null"}},
    {R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}}, "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"const": "b"}}, "required": ["kind"]}]})",
     {R"({"kind": "a", "x": 1})", R"({"kind": "b"})"},
     {R"({"kind": "a"})", R"({"kind": "b", "x": 1})"}},
    {R"({"type": "string", "format": "date", "title": "day", "description": "x", "default": "y"})", {"\"2026-01-01\""}, {"1"}},
};

struct Refusal {
    const char* schema;
    Status status;
    const char* says;
};

const Refusal refusals[] = {
    {"", Status::invalid_argument, "schema: byte 0"},
    {"{\"type\": }", Status::invalid_argument, "schema: byte"},
    {"3", Status::invalid_argument, "schema: expected an object, true or false"},
    {"false", Status::invalid_argument, "schema: false admits nothing"},
    {R"({"type": "text"})", Status::invalid_argument, "schema: type: \"text\" is no type"},
    {R"({"type": []})", Status::invalid_argument, "schema: type: expected a type"},
    {R"({"properties": {"a": {"items": {"type": 3}}}})", Status::invalid_argument, "schema: properties.a.items.type: expected the name of a type"},
    {R"({"type": "string", "pattern": "a+"})", Status::unsupported, "schema: keyword pattern is not supported here"},
    {R"({"type": "number", "minimum": 0})", Status::unsupported, "keyword minimum is not supported"},
    {R"({"type": "array", "uniqueItems": true})", Status::unsupported, "keyword uniqueItems"},
    {R"({"type": "object", "patternProperties": {}})", Status::unsupported, "keyword patternProperties"},
    {R"({"type": "integer", "minLength": 1})", Status::unsupported, "keyword minLength is not supported here"},
    {R"({"$ref": "#/nowhere"})", Status::invalid_argument, "schema: $ref: \"#/nowhere\" leads nowhere"},
    {R"({"$ref": "http://example.com"})", Status::unsupported, "only references into this schema"},
    {R"({"$ref": "#"})", Status::invalid_argument, "calls itself before it has read anything"},
    {R"({"anyOf": []})", Status::invalid_argument, "schema: anyOf: expected a schema"},
    {R"({"anyOf": [true], "type": "null"})", Status::unsupported, "anyOf beside type"},
    {R"({"oneOf": [{"type": "number"}, {"type": "integer"}]})", Status::unsupported, "may be right here and in [0] as well"},
    {R"({"allOf": [true, true]})", Status::unsupported, "several schemas at once"},
    {R"({"enum": []})", Status::invalid_argument, "no value of the list is of the type"},
    {R"({"type": "integer", "minimum": 3, "maximum": 2})", Status::invalid_argument, "no integer lies between"},
    {R"({"type": "integer", "minimum": 0.5})", Status::invalid_argument, "minimum: expected an integer"},
    {R"({"type": "integer", "minimum": 9223372036854775807})", Status::invalid_argument, "minimum: expected an integer of 64 bits"},
    {R"({"type": "array", "minItems": 3, "maxItems": 2})", Status::invalid_argument, "minItems beyond maxItems"},
    {R"({"type": "array", "minItems": -1})", Status::invalid_argument, "minItems: expected 0 to"},
    {R"({"properties": {}, "required": ["x"]})", Status::invalid_argument, "required[0]: \"x\" is none of the properties"},
    {R"({"properties": {"a": true, "a": true}})", Status::invalid_argument, "given twice"},
    {R"({"type": "string", "maxLength": 300000})", Status::invalid_argument, "maxLength: expected 0 to"},
    {R"({"type": "array", "items": {"type": "array", "items": {"type": "null"}, "maxItems": 2000}, "maxItems": 2000})", Status::invalid_argument, "too large"},
};

}  // namespace

TEST_CASE("a schema's grammar admits the JSON that the schema does", "[grammar][schema]") {
    for (const Case& c : cases) {
        const auto grammar = Grammar::from_json_schema(c.schema);
        for (const auto& text : c.right) {
            CAPTURE(c.schema, text);
            CHECK(grammar.matches(text));
        }
        for (const auto& text : c.wrong) {
            CAPTURE(c.schema, text);
            CHECK_FALSE(grammar.matches(text));
        }
    }
}

TEST_CASE("integers of a schema are exactly those from its minimum to its maximum", "[grammar][schema]") {
    for (const auto& [least, most] : {std::pair{-120, 30}, {0, 0}, {-1, 0}, {5, 1234}, {99, 101}, {-1000, -7}, {10, 99}}) {
        const auto both = Grammar::from_json_schema(R"({"type":"integer","minimum":)" + std::to_string(least) + R"(,"exclusiveMaximum":)" + std::to_string(most + 1) + "}");
        const auto from = Grammar::from_json_schema(R"({"type":"integer","minimum":)" + std::to_string(least) + "}");
        const auto to = Grammar::from_json_schema(R"({"type":"integer","maximum":)" + std::to_string(most) + "}");
        bool right = true;
        for (int n = -1300; n <= 1300; ++n) {
            const auto text = std::to_string(n);
            right = right && both.matches(text) == (least <= n && n <= most) && from.matches(text) == (least <= n) && to.matches(text) == (n <= most);
        }
        CHECK(right);
        CHECK(from.matches("98765432109876543210"));
        CHECK(to.matches("-98765432109876543210"));
    }
}

TEST_CASE("whatever a schema's grammar admits is JSON", "[grammar][schema]") {
    std::mt19937 rng(17);
    for (const Case& c : cases) {
        const auto grammar = Grammar::from_json_schema(c.schema);
        grammar::Matcher matcher(grammar.impl()->automaton, grammar.impl()->root);
        for (int round = 0; round < 20; ++round) {
            std::string text;
            auto place = matcher.start();
            while (matcher.has_more(place) && !(matcher.is_whole(place) && rng() % 4 == 0)) {
                std::vector<std::uint8_t> next;
                for (int byte = 0; byte < 256; ++byte) {
                    if (matcher.after(place, static_cast<std::uint8_t>(byte)) != grammar::Matcher::nowhere) next.push_back(static_cast<std::uint8_t>(byte));
                }
                REQUIRE_FALSE(next.empty());
                // Towards the end, what closes things.
                auto byte = next[rng() % next.size()];
                for (const char closing : {'"', ']', '}'}) {
                    if (text.size() > 30 && std::ranges::find(next, static_cast<std::uint8_t>(closing)) != next.end()) byte = static_cast<std::uint8_t>(closing);
                }
                text += static_cast<char>(byte);
                place = matcher.after(place, byte);
                if (text.size() > 3000) break;
            }
            if (!matcher.is_whole(place)) continue;
            CAPTURE(c.schema, text);
            CHECK(nlohmann::json::accept(text));
        }
    }
}

TEST_CASE("a schema that cannot be kept to is refused, with the place and the reason", "[grammar][schema]") {
    for (const Refusal& c : refusals) {
        CAPTURE(c.schema);
        try {
            (void)Grammar::from_json_schema(c.schema);
            FAIL_CHECK("it was taken");
        } catch (const Error& e) {
            CHECK(e.status() == c.status);
            CAPTURE(e.what());
            CHECK(std::string(e.what()).find(c.says) != std::string::npos);
        }
    }
}

TEST_CASE("schemas at all extremes end in an answer or an error", "[grammar][schema]") {
    const auto refused = [](const std::string& schema) {
        try {
            (void)Grammar::from_json_schema(schema);
        } catch (const Error&) {
            return true;
        }
        return false;
    };
    CHECK(refused(std::string(100'000, '[')));
    std::string deep;
    for (int i = 0; i < 100'000; ++i) deep += "{\"items\":";
    CHECK(refused(deep + "true"));  // never closed
    std::string chain = R"({"$ref":"#/$defs/0","$defs":{)";
    for (int i = 0; i < 5'000; ++i) chain += '"' + std::to_string(i) + R"(":{"$ref":"#/$defs/)" + std::to_string(i + 1) + "\"},";
    CHECK(Grammar::from_json_schema(chain + R"("5000":{"type":"null"}}})").matches("null"));
    std::string wide = R"({"properties":{"x":true)", items = R"({"prefixItems":[true)", values = R"({"enum":[0)";
    for (int i = 0; i < 5'000; ++i) {
        wide += ",\"p" + std::to_string(i) + "\":{\"type\":\"null\"}";
        items += ",true";
        values += ",\"v" + std::to_string(i) + '"';
    }
    CHECK(Grammar::from_json_schema(wide + "}}").matches(R"({"p7": null, "p4999": null})"));
    CHECK_FALSE(Grammar::from_json_schema(items + "]}").matches("[1, 2]"));
    CHECK(Grammar::from_json_schema(values + "]}").matches("\"v4999\""));
    CHECK(refused("[" + std::string(10'000'000, ' ') + "]"));
    CHECK(refused(R"({"properties":{")" + std::string(1'000'000, 'x') + R"(":true}})"));
}
