// What the formats make of conversations that the reference set does not have.
#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "rorqual/error.hpp"
#include "rorqual/prompt.hpp"
#include "support/outcome.hpp"
#include "text/tokenizers.hpp"

namespace rorqual {
namespace {

using Json = nlohmann::ordered_json;

std::string text(const std::string& format, const std::string& messages, bool thinking = false, bool generation = true) {
    return Prompt(messages, {.format = format, .thinking = thinking, .generation = generation}).text();
}

// What follows the begin of the sentence, with the special tokens in ASCII.
std::string plain(std::string text) {
    const std::pair<std::string, std::string> spellings[] = {
        {"<｜begin▁of▁sentence｜>", ""}, {"<｜end▁of▁sentence｜>", "[E]"}, {"<｜User｜>", "[U]"}, {"<｜Assistant｜>", "[A]"}, {"<｜tool▁calls▁begin｜>", "[calls]"}, {"<｜tool▁calls▁end｜>", "[/calls]"}, {"<｜tool▁call▁begin｜>", "[call]"}, {"<｜tool▁call▁end｜>", "[/call]"}, {"<｜tool▁sep｜>", "[sep]"}, {"<｜tool▁outputs▁begin｜>", "[outs]"}, {"<｜tool▁outputs▁end｜>", "[/outs]"}, {"<｜tool▁output▁begin｜>", "[out]"}, {"<｜tool▁output▁end｜>", "[/out]"}};
    for (const auto& [token, name] : spellings) {
        for (auto at = text.find(token); at != std::string::npos; at = text.find(token, at)) text.replace(at, token.size(), name);
    }
    return text;
}

TEST_CASE("no messages are a prompt that only opens the answer where the template does", "[prompts]") {
    CHECK(plain(text("v2", "[]")) == "Assistant:");
    CHECK(plain(text("v3", "[]")) == "[A]");
    CHECK(plain(text("r1", "[]")) == "[A]<think>\n");
    CHECK(plain(text("v3-0324", "[]")) == "[A]");
    CHECK(plain(text("v3.1", "[]")).empty());
}

TEST_CASE("an empty list of calls is not the same as none, as the templates have it", "[prompts]") {
    const std::string messages = R"([{"role":"user","content":"u"},{"role":"assistant","content":"a","tool_calls":[]}])";
    CHECK(plain(text("v3", messages, false, false)) == "[U]u[A]a[E]");
    CHECK(plain(text("v3-0324", messages, false, false)) == "[U]u[A][/calls][E]");
    CHECK(plain(text("r1-0528", messages, false, false)) == "[U]u[A][/calls][E]");
    CHECK(plain(text("v3.1", messages, false, false)) == "[U]u[A]</think>[/calls][E]");
    const std::string null = R"([{"role":"user","content":"u"},{"role":"assistant","content":"a","tool_calls":null}])";
    CHECK(plain(text("v3.1", null, false, false)) == "[U]u[A]</think>a[E]");
}

TEST_CASE("reasoning in the text of an answer is cut where the templates cut it", "[prompts]") {
    const std::string messages = R"([{"role":"user","content":"u"},{"role":"assistant","content":"x</think>y</think>z"}])";
    CHECK(plain(text("v3", messages, false, false)) == "[U]u[A]x</think>y</think>z[E]");
    CHECK(plain(text("r1", messages, false, false)) == "[U]u[A]z[E]");
    CHECK(plain(text("r1-0528", messages, false, false)) == "[U]u[A]z[E]");
    CHECK(plain(text("v3.1", messages, false, false)) == "[U]u[A]</think>y</think>z[E]");
    const std::string after_result = R"([{"role":"tool","content":"r"},{"role":"assistant","content":"x</think>y"}])";
    CHECK(plain(text("r1", after_result, false, false)) == "[outs][out]r[/out][/outs]x</think>y[E]");
    CHECK(plain(text("r1-0528", after_result, false, false)) == "[outs][out]r[/out][/outs]y[E]");
    CHECK(plain(text("v3.1", after_result, false, false)) == "[out]r[/out]x</think>y[E]");
    const std::string with_call =
        R"([{"role":"assistant","content":"x</think>y","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}])";
    CHECK(plain(text("r1-0528", with_call, false, false)) == "y[calls][call]function[sep]f\n```json\n{}\n```[/call][/calls][E]");
    CHECK(plain(text("v3.1", with_call, false, false)) == "x</think>y[calls][call]f[sep]{}[/call][/calls][E]");
}

TEST_CASE("results of tools that a user interrupts stay open in the older formats", "[prompts]") {
    const std::string messages = R"([{"role":"tool","content":"1"},{"role":"tool","content":"2"},{"role":"user","content":"u"}])";
    CHECK(plain(text("v3", messages)) == "[outs][out]1[/out]\n[out]2[/out][U]u[A]");
    CHECK(plain(text("v3-0324", messages)) == "[outs][out]1[/out]\n[out]2[/out][U]u[A]");
    CHECK(plain(text("v3.1", messages)) == "[out]1[/out][out]2[/out][U]u[A]</think>");
}

TEST_CASE("the beginning of an answer keeps its reasoning open where V3.1 thinks", "[prompts]") {
    const std::string messages = R"([{"role":"user","content":"u"},{"role":"assistant","content":"so","prefix":true}])";
    CHECK(plain(text("v3.1", messages, true)) == "[U]u[A]<think>so[E]");
    CHECK(plain(text("v3.1", messages, false)) == "[U]u[A]</think>so[E]");
}

TEST_CASE("results of tools come where V3.2 expects them, or are refused", "[prompts]") {
    const auto messages = [](const std::string& results) {
        return R"([{"role":"user","content":"u"},{"role":"assistant","content":null,"tool_calls":[
            {"function":{"name":"f","arguments":"{}"}},{"function":{"name":"g","arguments":"{\"a\":1.0}"}}]})" +
               results + "]";
    };
    const std::string result = R"(,{"role":"tool","content":"r"})";
    const std::string calls =
        "[U]u[A]</think>\n\n<｜DSML｜function_calls>\n<｜DSML｜invoke name=\"f\">\n\n</｜DSML｜invoke>\n<｜DSML｜invoke name=\"g\">\n"
        "<｜DSML｜parameter name=\"a\" string=\"false\">1.0</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>[E]";
    CHECK(plain(text("v3.2", messages(result), false)) == calls + "\n\n<function_results>\n<result>r</result>");
    CHECK(plain(text("v3.2", messages(result + result), false)) ==
          calls + "\n\n<function_results>\n<result>r</result>\n<result>r</result>\n</function_results>\n\n</think>");
    const auto refusal = [&](const std::string& given) {
        return test::outcome_of([&] { (void)Prompt(given, {.format = "v3.2"}); });
    };
    CHECK(refusal(messages(result + result + result)).says("messages[4].role: expected tool messages only behind the tool_calls"));
    CHECK(refusal(R"([{"role":"tool","content":"r"}])").says("messages[0].role: expected tool messages only"));
    CHECK(refusal(R"([{"role":"user","content":"u"},{"role":"tool","content":"r"}])").says("messages[1].role: "));
}

TEST_CASE("arguments that are no JSON object are refused by V3.2; V4 passes on what is no JSON", "[prompts][hostile]") {
    const auto with = [](const std::string& arguments) {
        return Json::array({{{"role", "assistant"}, {"tool_calls", {{{"function", {{"name", "f"}, {"arguments", arguments}}}}}}}}).dump();
    };
    const auto refusal = [&](const std::string& format, const std::string& arguments) {
        return test::outcome_of([&] { (void)Prompt(with(arguments), {.format = format}); });
    };
    CHECK(refusal("v3.2", "{").says("messages[0].tool_calls[0].function.arguments: byte 1: "));
    CHECK(refusal("v3.2", std::string(100000, '[')).says("arguments: byte 65: nested deeper than 64"));
    CHECK(refusal("v3.2", "[1]").says("messages[0].tool_calls[0].function.arguments: expected a JSON object"));
    CHECK(refusal("v4", "[1]").says("messages[0].tool_calls[0].function.arguments: expected a JSON object"));
    CHECK(text("v4", with("not {")).find("<｜DSML｜parameter name=\"arguments\" string=\"true\">not {</｜DSML｜parameter>") != std::string::npos);
}

TEST_CASE("V3.2 and V4 keep reasoning of earlier turns where they are asked to, and V4 where there are tools", "[prompts]") {
    const std::string turns = R"({"role":"user","content":"u"},{"role":"assistant","content":"a","reasoning_content":"r"},{"role":"user","content":"v"}])";
    const auto prompt = [&](const std::string& format, bool keep, const std::string& before = "[") {
        return plain(Prompt(before + turns, {.format = format, .thinking = true, .keep_thinking = keep}).text());
    };
    CHECK(prompt("v4", false) == "[U]u[A]</think>a[E][U]v[A]<think>");
    CHECK(prompt("v4", true) == "[U]u[A]<think>r</think>a[E][U]v[A]<think>");
    CHECK(prompt("v3.2", true) == "[U]u[A]</think>a[E][U]v[A]<think>");
    const std::string tools = R"([{"role":"system","content":"","tools":[{"function":{"name":"f"}}]},)";
    CHECK(prompt("v4", false, tools).ends_with("[U]u[A]<think>r</think>a[E][U]v[A]<think>"));
    const std::string developer = R"([{"role":"developer","content":"d"},)";
    CHECK(prompt("v4", false, developer) == prompt("v4", false));
    CHECK(prompt("v3.2", false, developer) == prompt("v3.2", false));
    CHECK(prompt("v4", true, developer).starts_with("[U]d[U]u"));
}

TEST_CASE("V4 answers at once where the earlier turn was a task, and goes on where an answer has no end", "[prompts]") {
    const std::string task = R"([{"role":"user","content":"u","task":"query"},{"role":"assistant","content":"q","reasoning_content":"r"}])";
    CHECK(plain(Prompt(task, {.format = "v4", .thinking = true}).text()) == "[U]u<｜query｜>q[E]");
    const std::string open = R"([{"role":"user","content":"u"},{"role":"assistant","content":"begun","wo_eos":true}])";
    CHECK(plain(text("v4", open)) == "[U]u[A]</think>begun");
    const auto wrong = test::outcome_of([] { (void)Prompt(R"([{"role":"user","content":"u","task":"dance"}])", {.format = "v4"}); });
    CHECK(wrong.says("messages[0].task: expected action, query, authority, domain, title or read_url"));
}

TEST_CASE("V3.1 defines tools behind the system text as its model card gives them", "[prompts]") {
    const std::string messages = R"([{"role":"user","content":"u"},{"role":"system","content":"s","tools":[
        {"type":"function","function":{"name":"b","description":"é","parameters":{"z":1.50,"a":[true,null,"\u00e9\u0007"]}}},
        {"type":"function","function":{"name":"a"}}]}])";
    CHECK(plain(text("v3.1", messages)) ==
          "s\n\n## Tools\nYou have access to the following tools:\n\n"
          "### b\nDescription: é\n\nParameters: {\"z\": 1.5, \"a\": [true, null, \"é\\u0007\"]}\n\n"
          "### a\nDescription: \n\nParameters: {}\n\n"
          "IMPORTANT: ALWAYS adhere to this exact format for tool use:\n"
          "[calls][call]tool_call_name[sep]tool_call_arguments[/call]{additional_tool_calls}[/calls]\n\n"
          "Where:\n"
          "- `tool_call_name` must be an exact match to one of the available tools\n"
          "- `tool_call_arguments` must be valid JSON that strictly follows the tool's Parameters Schema\n"
          "- For multiple tool calls, chain them directly without separators or spaces"
          "[U]u[A]</think>");
    CHECK(plain(text("v3.1", R"([{"role":"system","content":"s","tools":[]},{"role":"user","content":"u"}])")) == "s[U]u[A]</think>");
}

TEST_CASE("a format refuses what it has no way to say", "[prompts]") {
    const auto refusal = [](const std::string& messages, PromptOptions options) {
        return test::outcome_of([&] { (void)Prompt(messages, options); });
    };
    const std::string tools = R"([{"role":"system","content":"s","tools":[{"function":{"name":"f"}}]}])";
    CHECK(refusal(tools, {.format = "v3"}).says("messages[0].tools: format v3 has no way to define tools"));
    CHECK(refusal(R"([{"role":"tool","content":"r"}])", {.format = "v2"}).says("messages[0].role: format v2 has no tool messages"));
    CHECK(refusal("[]", {.format = "v3", .thinking = true}).status == Status::invalid_argument);
    CHECK(refusal("[]", {.format = "v3.1", .keep_thinking = true}).says("keep_thinking"));
    CHECK(refusal("[]", {.format = "v3.1", .effort = "max"}).says("effort"));
    CHECK(refusal("[]", {.format = "v3.1", .effort = "some"}).says("effort: expected"));
    CHECK(refusal("[]", {.format = "r1", .thinking = true}).ok());
    CHECK(refusal("[]", {.format = "v9"}).says("prompt format \"v9\": expected one of v2, v3, r1, "));
    CHECK(refusal("[]", {.format = ""}).status == Status::not_found);
}

TEST_CASE("text of users, tools and models never becomes a special token, in any format and place", "[prompts]") {
    const std::string format(GENERATE(from_range(prompt_formats())));
    const auto tokenizer = test::bundled_tokenizer("v3");
    const std::string token = "<｜end▁of▁sentence｜>";
    const auto special = tokenizer.find(token);
    REQUIRE(special.has_value());
    const auto count = [&](const std::string& said) {
        Json messages = Json::array({{{"role", "system"}, {"content", said}},
                                     {{"role", "user"}, {"content", said}},
                                     {{"role", "assistant"}, {"content", said}},
                                     {{"role", "user"}, {"content", said}}});
        if (format != "v2") {
            const Json call = {{"id", said}, {"function", {{"name", said}, {"arguments", Json({{said, said}}).dump()}}}};
            messages.push_back({{"role", "assistant"}, {"content", nullptr}, {"tool_calls", Json::array({call})}, {"reasoning_content", said}});
            messages.push_back({{"role", "tool"}, {"content", said}, {"tool_call_id", said}});
        }
        if (format == "v3.1" || format == "v3.2" || format == "v4") {
            messages[0]["tools"] = Json::array({{{"function", {{"name", said}, {"description", said}, {"parameters", {{said, said}}}}}}});
        }
        const auto ids = Prompt(messages.dump(), {.format = format}).tokens(tokenizer);
        return std::count(ids.begin(), ids.end(), *special);
    };
    CHECK(count(token) == count("x"));
}

TEST_CASE("with no format named there is the newest whose special tokens the tokenizer has", "[prompts]") {
    std::vector<std::string> tokens = {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"};
    const auto add = [&](std::vector<std::string> more) { tokens.insert(tokens.end(), more.begin(), more.end()); };
    CHECK_THROWS_WITH(newest_prompt_format(test::tokenizer_with({"<s>"})), Catch::Contains("no prompt format, and there is no chat template: name one of v2, v3, r1"));
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "v2");
    add({"<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>", "<｜tool▁call▁end｜>",
         "<｜tool▁sep｜>", "<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>", "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>"});
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "v3-0324");
    add({"<think>", "</think>"});
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "r1-0528");
    add({"<｜search▁begin｜>", "<｜search▁end｜>"});
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "v3.1");
    add({"｜DSML｜"});
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "v3.2");
    add({"<｜latest_reminder｜>"});
    CHECK(newest_prompt_format(test::tokenizer_with(tokens)) == "v4");
}

}  // namespace
}  // namespace rorqual
