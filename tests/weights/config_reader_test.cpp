#include "weights/config_reader.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <cmath>
#include <limits>

#include "io/json.hpp"
#include "support/outcome.hpp"

using namespace rorqual;
using weights::ConfigReader;
using weights::Problems;

namespace {

// A config of one key "k" with the JSON text `value`, its reader and what was found wrong.
struct OneKey {
    explicit OneKey(const std::string& value) : json(io::parse_json("{\"k\":" + value + "}", "config.json")) {}

    io::JsonDocument json;
    Problems problems;
    ConfigReader reader{*json, "config.json", problems};

    [[nodiscard]] std::string problem() const {
        REQUIRE(problems.lines().size() == 1);
        return problems.lines().front();
    }
};

const std::vector<std::string> topk_methods = {"greedy", "group_limited_greedy"};

}  // namespace

TEST_CASE("config values in range are read without a problem", "[weights][config]") {
    CHECK(OneKey("4096").reader.integer("k", 1, 4096) == 4096);
    CHECK(OneKey("-3").reader.integer("k", -3, 0) == -3);
    CHECK(OneKey("4096.0").reader.integer("k", 1, 4096) == 4096);
    CHECK(OneKey("4.096e3").reader.integer("k", 1, 4096) == 4096);
    CHECK(OneKey("9223372036854775807").reader.integer("k", 0, INT64_MAX) == INT64_MAX);
    CHECK(OneKey("-9223372036854775808").reader.integer("k", INT64_MIN, 0) == INT64_MIN);
    CHECK(OneKey("1e-6").reader.number("k", 0, 1) == 1e-6);
    CHECK(OneKey("1").reader.number("k", 0, 1) == 1.0);
    CHECK(OneKey("true").reader.boolean_or("k", false));
    CHECK(OneKey("\"greedy\"").reader.choice("k", topk_methods) == "greedy");
    CHECK(OneKey("7").reader.integers_or_empty("k", 0, 9) == std::vector<std::int64_t>{7});
    CHECK(OneKey("[1,2.0]").reader.integers_or_empty("k", 0, 9) == std::vector<std::int64_t>{1, 2});
    CHECK(OneKey("[]").reader.integers_or_empty("k", 0, 9).empty());
}

TEST_CASE("reading values in range adds no problem", "[weights][config]") {
    OneKey c("2");
    (void)c.reader.integer("k", 0, 2);
    (void)c.reader.integer_or("k", 0, 0, 2);
    (void)c.reader.number("k", 0, 2);
    (void)c.reader.integers_or_empty("k", 0, 2);
    (void)c.reader.integer_or("absent", 0, 1, 2);
    CHECK(c.problems.empty());
}

TEST_CASE("a key that is missing or null takes the fallback silently", "[weights][config]") {
    OneKey c("null");
    for (const char* key : {"k", "absent"}) {
        CHECK_FALSE(c.reader.has(key));
        CHECK(c.reader.integer_or(key, -7, 0, 9) == -7);
        CHECK(c.reader.number_or(key, 0.5, 0, 9) == 0.5);
        CHECK(c.reader.boolean_or(key, true));
        CHECK(c.reader.choice_or(key, "greedy", topk_methods) == "greedy");
        CHECK(c.reader.integers_or_empty(key, 0, 9).empty());
        CHECK_FALSE(c.reader.object(key).has_value());
    }
    CHECK(c.problems.empty());
}

TEST_CASE("a required key that is missing is told once, with what was expected", "[weights][config]") {
    OneKey a("null"), b("null"), c("null");
    CHECK(a.reader.integer("k", 1, 8) == 1);
    CHECK(a.problem() == "config.json: k: missing, expected an integer in [1, 8]");
    CHECK(b.reader.number("k", 0, 0.5) == 0.0);
    CHECK(b.problem() == "config.json: k: missing, expected a number in [0.0, 0.5]");
    CHECK(c.reader.choice("k", topk_methods) == "greedy");
    CHECK(c.problem() == "config.json: k: missing, expected one of \"greedy\", \"group_limited_greedy\"");
}

TEST_CASE("absurd integers are told with the value and what was expected", "[weights][config][hostile]") {
    struct Case {
        std::string value, shown;
    };
    const auto c = GENERATE(values<Case>({
        {"-1", "-1"},
        {"0", "0"},
        {"65537", "65537"},
        {"1.5", "1.5"},
        {"1e308", "1e+308"},
        {"-1e308", "-1e+308"},
        {"1e-300", "1e-300"},
        {"9223372036854775808", "9223372036854775808"},
        {"9223372036854775808.0", "9.223372036854776e+18"},
        {"18446744073709551615", "18446744073709551615"},
        {"-9223372036854775808", "-9223372036854775808"},
        {"10000000000000000000000", "1e+22"},
        {"\"12\"", "\"12\""},
        {"\"NaN\"", "\"NaN\""},
        {"true", "true"},
        {"false", "false"},
        {"[]", "an array"},
        {"[12]", "an array"},
        {"{}", "an object"},
        {"\"a\\nb\"", "\"a\\x0ab\""},
    }));
    CAPTURE(c.value);
    const std::string expected = "config.json: k: is " + c.shown + ", expected an integer in [1, 65536]";
    OneKey required(c.value), optional(c.value);
    CHECK(required.reader.integer("k", 1, 65536) == 1);
    CHECK(required.problem() == expected);
    CHECK(optional.reader.integer_or("k", 42, 1, 65536) == 42);
    CHECK(optional.problem() == expected);
}

TEST_CASE("absurd numbers are told with the value and what was expected", "[weights][config][hostile]") {
    struct Case {
        std::string value, shown;
    };
    const auto c = GENERATE(values<Case>({
        {"-1", "-1"},
        {"-1e-300", "-1e-300"},
        {"1e308", "1e+308"},
        {"-1e308", "-1e+308"},
        {"9223372036854775808", "9223372036854775808"},
        {"\"12\"", "\"12\""},
        {"\"NaN\"", "\"NaN\""},
        {"\"Infinity\"", "\"Infinity\""},
        {"true", "true"},
        {"[]", "an array"},
        {"{}", "an object"},
    }));
    CAPTURE(c.value);
    const std::string expected = "config.json: k: is " + c.shown + ", expected a number in [0.0, 1000000.0]";
    OneKey required(c.value), optional(c.value);
    CHECK(required.reader.number("k", 0, 1e6) == 0.0);
    CHECK(required.problem() == expected);
    CHECK(optional.reader.number_or("k", 10000, 0, 1e6) == 10000);
    CHECK(optional.problem() == expected);
}

TEST_CASE("numbers that are not finite are refused even where every finite one is allowed", "[weights][config][hostile]") {
    const double value = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                                  -std::numeric_limits<double>::infinity());
    const nlohmann::json json = {{"k", value}};
    Problems problems;
    ConfigReader reader(json, "config.json", problems);
    constexpr double infinity = std::numeric_limits<double>::infinity();
    CHECK(reader.number_or("k", 1, -infinity, infinity) == 1);
    CHECK(reader.integer_or("k", 1, INT64_MIN, INT64_MAX) == 1);
    CHECK(problems.lines().size() == 2);
}

TEST_CASE("only true and false are booleans", "[weights][config][hostile]") {
    const std::string value = GENERATE(as<std::string>{}, "0", "1", "-1", "1e308", "9223372036854775808", "\"true\"", "\"12\"", "[]", "{}");
    const bool fallback = GENERATE(false, true);
    CAPTURE(value);
    OneKey c(value);
    CHECK(c.reader.boolean_or("k", fallback) == fallback);
    CHECK_THAT(c.problem(), Catch::StartsWith("config.json: k: is ") && Catch::EndsWith(", expected true or false"));
}

TEST_CASE("text that is none of the choices is unsupported, another type is corrupt", "[weights][config][hostile]") {
    const std::string value = GENERATE(as<std::string>{}, "\"noaux_tc\"", "\"\"", "\"Greedy\"", "12", "-1", "1e308",
                                       "9223372036854775808", "true", "[\"greedy\"]", "{}");
    CAPTURE(value);
    OneKey required(value), optional(value);
    CHECK(required.reader.choice("k", topk_methods) == "greedy");
    CHECK(optional.reader.choice_or("k", "group_limited_greedy", topk_methods) == "group_limited_greedy");
    for (const auto* c : {&required, &optional}) {
        CHECK_THAT(c->problem(), Catch::EndsWith(", expected one of \"greedy\", \"group_limited_greedy\""));
        CHECK(test::outcome_of([&] { c->problems.throw_if_any(); }).status ==
              (value.front() == '"' ? Status::unsupported : Status::corrupt));
    }
}

TEST_CASE("a list of integers is refused as a whole where one element is wrong", "[weights][config][hostile]") {
    struct Case {
        std::string value, problem;
    };
    const auto c = GENERATE(values<Case>({
        {"-1", "is -1, expected an integer in [0, 9] or an array of them"},
        {"\"12\"", "is \"12\", expected an integer in [0, 9] or an array of them"},
        {"true", "is true, expected an integer in [0, 9] or an array of them"},
        {"1e308", "is 1e+308, expected an integer in [0, 9] or an array of them"},
        {"9223372036854775808", "is 9223372036854775808, expected an integer in [0, 9] or an array of them"},
        {"{}", "is an object, expected an integer in [0, 9] or an array of them"},
        {"[1,10]", "element 1 is 10, expected an integer in [0, 9]"},
        {"[1,null]", "element 1 is null, expected an integer in [0, 9]"},
        {"[[1]]", "element 0 is an array, expected an integer in [0, 9]"},
        {"[1,2,\"3\"]", "element 2 is \"3\", expected an integer in [0, 9]"},
    }));
    CAPTURE(c.value);
    OneKey key(c.value);
    CHECK(key.reader.integers_or_empty("k", 0, 9).empty());
    CHECK(key.problem() == "config.json: k: " + c.problem);
}

TEST_CASE("a nested object is read with its key in the origin", "[weights][config]") {
    OneKey c(R"({"factor":-1})");
    auto scaling = c.reader.object("k");
    REQUIRE(scaling.has_value());
    CHECK(scaling->number_or("factor", 1, 1, 1e6) == 1);
    CHECK(c.problem() == "config.json: k: factor: is -1, expected a number in [1.0, 1000000.0]");
}

TEST_CASE("what should be an object and is none is told", "[weights][config][hostile]") {
    const std::string value = GENERATE(as<std::string>{}, "[]", "12", "-1", "1e308", "9223372036854775808", "\"12\"", "true");
    CAPTURE(value);
    OneKey c(value);
    CHECK_FALSE(c.reader.object("k").has_value());
    CHECK_THAT(c.problem(), Catch::EndsWith(", expected an object"));
}

TEST_CASE("a config that is no object is one problem and reads as empty", "[weights][config][hostile]") {
    const std::string text = GENERATE(as<std::string>{}, "[]", "null", "12", "\"text\"", "true");
    const auto json = io::parse_json(text, "config.json");
    Problems problems;
    ConfigReader reader(*json, "config.json", problems);
    CHECK_FALSE(reader.has("k"));
    CHECK(reader.integer_or("k", 3, 0, 9) == 3);
    REQUIRE(problems.lines().size() == 1);
    CHECK_THAT(problems.lines().front(), Catch::StartsWith("config.json: expected a JSON object, found "));
}

TEST_CASE("reading goes on after a problem, so that all of them are found", "[weights][config]") {
    const auto json = io::parse_json(R"({"a":-1,"b":"x","c":[]})", "config.json");
    Problems problems;
    ConfigReader reader(*json, "config.json", problems);
    (void)reader.integer("a", 0, 1);
    (void)reader.number("b", 0, 1);
    (void)reader.boolean_or("c", false);
    (void)reader.integer("d", 0, 1);
    reader.complain("e", "too large for a");
    CHECK(problems.lines().size() == 5);
    CHECK(problems.lines().back() == "config.json: e: too large for a");
}
