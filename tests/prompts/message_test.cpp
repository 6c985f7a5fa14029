// Messages are somebody else's: whatever they are, they become a prompt or an error that names the place.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "rorqual/error.hpp"
#include "rorqual/prompt.hpp"
#include "support/outcome.hpp"

namespace rorqual {
namespace {

using Json = nlohmann::ordered_json;

test::Outcome rendering(const std::string& messages, const std::string& format = "v3.1") {
    return test::outcome_of([&] { (void)Prompt(messages, {.format = format}); });
}

const char* const conversation = R"([
    {"role": "system", "content": "s", "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {}}}]},
    {"role": "user", "content": "u", "name": "n"},
    {"role": "assistant", "content": null, "tool_calls":
        [{"id": "1", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{\"a\": [1]}"}}]},
    {"role": "tool", "content": "r", "tool_call_id": "1"},
    {"role": "assistant", "content": "a", "reasoning_content": "because", "prefix": false}])";

TEST_CASE("what is wrong with messages is told with its place and what was expected", "[prompts][hostile]") {
    struct Case {
        std::string messages, says;
        Status status;
    };
    const auto c = GENERATE(values<Case>({
        {"", "messages: byte 0: ", Status::corrupt},
        {"[", "messages: byte 1: ", Status::corrupt},
        {"{}", "messages: expected an array", Status::corrupt},
        {"[1]", "messages[0]: expected an object", Status::corrupt},
        {"[{}]", "messages[0].role: missing, expected a string", Status::corrupt},
        {R"([{"role":1}])", "messages[0].role: expected a string", Status::corrupt},
        {R"([{"role":"bot","content":""}])", "messages[0].role: \"bot\", expected system, developer, user", Status::unsupported},
        {R"([{"role":"user"}])", "messages[0].content: missing, expected a string", Status::corrupt},
        {R"([{"role":"user","content":null}])", "messages[0].content: expected a string", Status::corrupt},
        {R"([{"role":"user","content":"u"},{"role":"user","content":["x"]}])", "messages[1].content: expected a string", Status::corrupt},
        {R"([{"role":"user","content":"u","colour":1}])", "messages[0].colour: this key is not known", Status::unsupported},
        {R"([{"role":"user","content":"u","tools":[]}])", "messages[0].tools: this key is not known", Status::unsupported},
        {R"([{"role":"user","content":"u","content":"v"}])", "key \"content\" is given twice", Status::corrupt},
        {R"([{"role":"assistant","content":null}])", "messages[0].content: expected a string", Status::corrupt},
        {R"([{"role":"assistant","content":"","tool_calls":{}}])", "messages[0].tool_calls: expected an array", Status::corrupt},
        {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f"}}]}])",
         "messages[0].tool_calls[0].function.arguments: missing, expected a string", Status::corrupt},
        {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":{}}}]}])",
         "messages[0].tool_calls[0].function.arguments: expected a string", Status::corrupt},
        {R"([{"role":"assistant","tool_calls":[{"type":"custom"}]}])", "messages[0].tool_calls[0].type: \"custom\", expected \"function\"", Status::unsupported},
        {R"([{"role":"system","content":"","tools":[{"type":"function"}]}])", "messages[0].tools[0].function: missing, expected an object", Status::corrupt},
        {R"([{"role":"system","content":"","tools":[{"function":{"name":7}}]}])", "messages[0].tools[0].function.name: expected a string", Status::corrupt},
        {R"([{"role":"system","content":""},{"role":"latest_reminder","content":""}])", "messages[1].role: format v3.1 has no latest_reminder messages", Status::unsupported},
    }));
    CAPTURE(c.messages);
    const auto outcome = rendering(c.messages);
    CHECK_THAT(outcome.line, Catch::Contains(c.says));
    CHECK(outcome.status == c.status);
}

TEST_CASE("every beginning of a conversation is refused as corrupt", "[prompts][hostile]") {
    const std::string whole = conversation;
    REQUIRE(rendering(whole).ok());
    for (std::size_t length = 0; length < whole.size(); ++length) {
        CAPTURE(length);
        REQUIRE(rendering(whole.substr(0, length)).status == Status::corrupt);
    }
}

TEST_CASE("every value of a conversation can be of any type without harm, in every format", "[prompts][hostile]") {
    const std::string format(GENERATE(from_range(prompt_formats())));
    const Json whole = Json::parse(conversation);
    const Json strange[] = {nullptr, true, 0, -1e300, "", "x", Json::array(), Json::array({Json::object()}), Json::object()};
    std::size_t refused = 0;
    const Json flat = whole.flatten();
    for (const auto& [pointer, ignored] : flat.items()) {
        for (auto at = Json::json_pointer(pointer); !at.empty(); at = at.parent_pointer()) {
            for (const Json& value : strange) {
                Json messages = whole;
                messages[at] = value;
                CAPTURE(format, at.to_string(), value);
                const auto outcome = rendering(messages.dump(), format);
                CHECK((outcome.ok() || outcome.status == Status::corrupt || outcome.status == Status::unsupported));
                CHECK((outcome.ok() || outcome.says("messages")));
                refused += !outcome.ok();
            }
        }
    }
    CHECK(refused > 0);
}

TEST_CASE("messages that are too deep, too long or too many are refused", "[prompts][hostile]") {
    CHECK(rendering(std::string(100000, '[')).says("nested deeper than 64"));
    CHECK(rendering("[{\"role\":\"system\",\"content\":\"\",\"response_format\":" + std::string(100000, '[')).says("nested deeper than 64"));
    std::string many = "[0";
    while (many.size() < 10000000) many += ",0";
    CHECK(rendering(many + "]").says("more than 1048576 values"));
    std::string names = "[{\"role\":\"user\"";
    for (int i = 0; i < 200000; ++i) names += ",\"k" + std::to_string(i) + "\":1";
    CHECK(rendering(names + "}]").says("this key is not known"));
    CHECK(rendering("[\"" + std::string((std::size_t{64} << 20), 'a') + "\"]").says("bytes, at most"));
}

TEST_CASE("a message of ten million bytes is a prompt", "[prompts][hostile]") {
    const std::string content(10000000, 'a');
    const Prompt prompt(Json::array({{{"role", "user"}, {"content", content}}}).dump(), {.format = "v3.1"});
    CHECK(prompt.text().size() > content.size());
}

}  // namespace
}  // namespace rorqual
