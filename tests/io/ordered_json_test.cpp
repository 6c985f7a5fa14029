#include "io/ordered_json.hpp"

#include <catch2/catch.hpp>

#include "support/outcome.hpp"

using rorqual::Status;
using rorqual::io::parse_ordered_json;
using rorqual::test::outcome_of;

namespace {

std::string printed(const std::string& text) {
    std::string out;
    rorqual::io::print_json(out, parse_ordered_json(text, "x"));
    return out;
}

}  // namespace

TEST_CASE("ordered JSON is printed again as Python's json does it, keys in their order", "[io][json]") {
    struct Case {
        std::string text, printed;
    };
    const auto c = GENERATE(values<Case>({
        {R"({"z":1,"a":[],"m":{"b":{},"a":null}})", R"({"z": 1, "a": [], "m": {"b": {}, "a": null}})"},
        {" [ true,false , -3, 18446744073709551615,-9223372036854775808 ] ", "[true, false, -3, 18446744073709551615, -9223372036854775808]"},
        {"[123456789012345678901234567890, -0, -0.0]", "[123456789012345678901234567890, 0, -0.0]"},
        {"[1.0, 1.10, 2.5e0, 1e3, 1E15, 1e16, 123456789012345.6]", "[1.0, 1.1, 2.5, 1000.0, 1000000000000000.0, 1e+16, 123456789012345.6]"},
        {"[0.0001, 0.00001, 1e-7, 1.5e300, 1e22, 5e-324]", "[0.0001, 1e-05, 1e-07, 1.5e+300, 1e+22, 5e-324]"},
        {"[9007199254740993.0, 0.1, 1e23]", "[9007199254740992.0, 0.1, 1e+23]"},
        {R"("\u00e9\ud83d\udc0b \" \\ \/ \b\f\n\r\t\u0001\u001f)"
         "\x7f\"",
         "\"é🐋 \\\" \\\\ / \\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"null", "null"},
    }));
    CHECK(printed(c.text) == c.printed);
    CHECK(printed(c.printed) == c.printed);
}

TEST_CASE("ordered JSON finds members by their keys", "[io][json]") {
    const auto value = parse_ordered_json(R"({"b":{"c":"text"},"a":2})", "x");
    REQUIRE(value.find("b") != nullptr);
    CHECK(value.find("b")->find("c")->text == "text");
    CHECK(value.find("a")->text == "2");
    CHECK(value.find("c") == nullptr);
    CHECK(value.find("a")->find("a") == nullptr);
}

TEST_CASE("ordered JSON refuses what JSON refuses, and a repeated key where its object ends", "[io][json][hostile]") {
    const auto parsing = [](const std::string& text) { return outcome_of([&] { (void)parse_ordered_json(text, "messages"); }); };
    CHECK(parsing(R"({"a":1,"b":{},"a":2})").says("messages: byte 20: key \"a\" is given twice"));
    CHECK(parsing(std::string(100000, '[')).says("messages: byte 65: nested deeper than 64"));
    CHECK(parsing("[1,]").status == Status::corrupt);
    CHECK(parsing("\"\xff\"").status == Status::corrupt);
    CHECK(parsing("[1e999]").says("number beyond the range of double"));
    CHECK(parsing("{} x").status == Status::corrupt);
    std::string keys = "{";
    for (std::int64_t i = 0; i < 300000; ++i) keys += "\"" + std::to_string(i * 7919 % 300007) + "\":0,";
    CHECK(parsing(keys + "\"last\":0}").ok());  // in a second, not an hour
}
