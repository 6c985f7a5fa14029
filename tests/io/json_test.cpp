#include "io/json.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

#include "io/printable.hpp"
#include "support/outcome.hpp"

using rorqual::Status;
using rorqual::io::JsonLimits;
using rorqual::io::parse_json;
using rorqual::io::printable;
using rorqual::test::outcome_of;

namespace {

rorqual::test::Outcome parsing(const std::string& text, JsonLimits limits = {}) {
    return outcome_of([&] { (void)parse_json(text, "config.json", limits); });
}

const std::string a_config = R"({"model_type":"deepseek_v2","hidden_size":96,"rope_scaling":{"factor":4e1,"type":"yarn"},)"
                             R"("eos":[1,-2,true,false,null,"\u00e9\ud83d\udc0b"],"q_lora_rank":null})";

}  // namespace

TEST_CASE("JSON is read as nlohmann-json itself reads it", "[io][json]") {
    const std::string text = GENERATE(as<std::string>{}, a_config, "{}", "[]", "[[],{},[[]]]", "0", "\"text\"", "null",
                                      " [1 , 2.5, -3, 18446744073709551615, -9223372036854775808] \n",
                                      R"({"a":{"b":[{"c":1},{"c":2}]},"d":[]})");
    CAPTURE(text);
    CHECK(*parse_json(text, "x") == nlohmann::json::parse(text));
}

TEST_CASE("every proper prefix of a JSON document is refused as corrupt", "[io][json][hostile]") {
    for (std::size_t length = 0; length < a_config.size(); ++length) {
        const auto outcome = parsing(a_config.substr(0, length));
        CAPTURE(length);
        CHECK(outcome.status == Status::corrupt);
        CHECK(outcome.says("config.json: byte " + std::to_string(length) + ": "));
    }
}

TEST_CASE("any byte of a JSON document may be flipped: it is read or refused as corrupt, never worse", "[io][json][hostile]") {
    for (std::size_t i = 0; i < a_config.size(); ++i) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string text = a_config;
            text[i] = static_cast<char>(text[i] ^ (1 << bit));
            const auto outcome = parsing(text);
            CAPTURE(i, bit);
            CHECK((outcome.ok() || outcome.status == Status::corrupt));
        }
    }
}

TEST_CASE("invalid JSON is refused with its origin and byte offset", "[io][json][hostile]") {
    struct Case {
        std::string text, says;
    };
    const auto c = GENERATE(values<Case>({
        {R"({"a":1,"a":2})", "config.json: byte 10: key \"a\" is given twice"},
        {R"({"a":{"b":1},"c":[{"d":1,"d":1}]})", "key \"d\" is given twice"},
        {"{} x", "config.json: byte 4: "},
        {"{}{}", "config.json: byte 3: "},
        {"[1,]", "config.json: byte 4: "},
        {"NaN", "config.json: byte 1: "},
        {"[1e999]", "number beyond the range of double"},
        {"\"\xff\"", "config.json: byte 2: "},
        {"\"\xed\xa0\x80\"", "config.json: byte "},
        {std::string("\"a\0b\"", 5), "config.json: byte 3: "},
        {"// comment\n{}", "config.json: byte 1: "},
        {R"(["\ud800"])", "config.json: byte "},
    }));
    CAPTURE(c.text);
    const auto outcome = parsing(c.text);
    CHECK(outcome.status == Status::corrupt);
    CHECK_THAT(outcome.line, Catch::Contains(c.says));
}

TEST_CASE("a key that is repeated in another object is no repetition", "[io][json]") {
    CHECK(parsing(R"([{"a":1},{"a":2,"b":{"a":3}}])").ok());
}

TEST_CASE("JSON is refused where it is deeper, longer or fuller than the limits", "[io][json][hostile]") {
    const JsonLimits limits{.depth = 3, .bytes = 20, .values = 6};
    CHECK(parsing("[[[0]]]", limits).ok());
    CHECK(parsing("[[[[]]]]", limits).says("config.json: byte 4: nested deeper than 3"));
    CHECK(parsing(R"({"a":[{"b":{}}]})", limits).says("nested deeper than 3"));
    CHECK(parsing("[0,0,0,0,0]", limits).ok());
    CHECK(parsing("[0,0,0,0,0,0]", limits).says("more than 6 values"));
    CHECK(parsing(std::string(20, ' ') + "1", limits).says("at most 20 are read"));
    CHECK(parsing(std::string(19, ' ') + "1", limits).ok());
}

TEST_CASE("a million opening brackets are refused at the depth limit", "[io][json][hostile]") {
    CHECK(parsing(std::string(1000000, '[')).says("byte 65: nested deeper than 64"));
}

TEST_CASE("text from files is one short printable line in errors", "[io]") {
    CHECK(printable("model.norm.weight") == "model.norm.weight");
    CHECK(printable("a\nb\x7f\x01") == "a\\x0ab\\x7f\\x01");
    CHECK(printable(std::string(200, 'a')) == std::string(160, 'a') + "…");
    CHECK(printable(std::string(159, 'a') + "éé") == std::string(159, 'a') + "…");
}
