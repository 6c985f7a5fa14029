#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;
using Json = nlohmann::ordered_json;

namespace {

const std::filesystem::path bundled_text = std::filesystem::path(RQ_SOURCE_DIR) / "tests/data/text";

Json fixtures(const std::string& name) {
    std::ifstream in(bundled_text / name);
    return Json::parse(in);
}

Ran prompt(std::vector<std::string> arguments, std::string_view input = "") {
    arguments.insert(arguments.begin(), "prompt");
    return rorqual_program(arguments, input);
}

std::vector<std::string> arguments_of(const Json& fixture) {
    std::vector<std::string> arguments = {"--format", fixture.at("format"), "-"};
    if (fixture.value("thinking", false)) arguments.push_back("--thinking");
    if (!fixture.value("add_generation_prompt", true)) arguments.push_back("--no-generation");
    if (!fixture.value("drop_thinking", true)) arguments.push_back("--keep-thinking");
    if (fixture.contains("reasoning_effort") && fixture.at("reasoning_effort") == "max") {
        arguments.insert(arguments.end(), {"--effort", "max"});
    }
    return arguments;
}

}  // namespace

TEST_CASE("prompt prints the published prompt and nothing else", "[cli][prompt]") {
    const std::string name = GENERATE("prompts.json", "prompts-v32-v4.json");
    for (const auto& fixture : fixtures(name)) {
        const std::string which = fixture.at("case");
        if (which != "two-users" && which != "tool-answer" && which != "developer" && which != "one-user") continue;
        CAPTURE(fixture.at("format"), which);
        const auto ran = prompt(arguments_of(fixture), fixture.at("messages").dump());
        CHECK(ran.status == 0);
        CHECK(ran.out == fixture.at("prompt").get<std::string>());
        CHECK(ran.err.empty());
    }
}

TEST_CASE("prompt reads a file, finds the format by the tokenizer, and prints ids as one line of JSON", "[cli][prompt]") {
    const TempFolder folder;
    const auto file = folder.write("messages.json", R"([{"role":"user","content":"Once <｜end▁of▁sentence｜>"}])");
    const auto text = prompt({"--tokenizer", tale.string(), file.string()});
    CHECK(text.out == "<｜begin▁of▁sentence｜>User: Once <｜end▁of▁sentence｜>\n\nAssistant:");
    const auto ids = prompt({"--ids", "--tokenizer", tale.string(), file.string()});
    REQUIRE(ids.status == 0);
    CHECK(lines_of(ids.out) == 1);
    const auto array = Json::parse(ids.out).get<std::vector<int>>();
    CHECK(array.front() == 0);
    CHECK(std::count(array.begin(), array.end(), 1) == 0);
    CHECK(rorqual_program({"tokenize", tale.string(), "--decode"}, ids.out).out == text.out);
}

TEST_CASE("prompt runs the chat template of a model, or one that is given", "[cli][prompt]") {
    const TempFolder folder;
    const auto file = folder.write("t.jinja", "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{{ word }}{{ bos_token }}\n");
    const std::string messages = R"([{"role":"user","content":"Once"}])";
    CHECK(prompt({"--format", "jinja", "--template", file.string(), "--variables", R"({"word": "!"})", "-"}, messages).out == "<user>Once!");
    const auto model = folder / "model";
    std::filesystem::copy(tale, model);
    std::filesystem::copy(file, model / "chat_template.jinja");
    CHECK(prompt({"--model", model.string(), "-"}, messages).out == "<user>Once<｜begin▁of▁sentence｜>");
    const auto array = Json::parse(prompt({"--ids", "--model", model.string(), "-"}, messages).out).get<std::vector<int>>();
    CHECK(array.back() == 0);
    CHECK(prompt({"--format", "v2", "--model", model.string(), "-"}, messages).out == "<｜begin▁of▁sentence｜>User: Once\n\nAssistant:");
}

TEST_CASE("prompt says what is wrong in one line", "[cli][prompt]") {
    const auto fails = [](const Ran& ran, int status, const std::string& says) {
        CAPTURE(ran.err);
        CHECK(ran.status == status);
        CHECK(ran.out.empty());
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(lines_of(ran.err) == 1);
    };
    fails(prompt({"--format", "v4", "-"}, R"([{"role":"user"}])"), 1, "messages[0].content: missing, expected a string");
    fails(prompt({"--format", "v4", "-"}, std::string(50000, '[')), 1, "nested deeper than 64");
    fails(prompt({"--format", "v9", "-"}, "[]"), 1, "expected one of v2");
    fails(prompt({"--format", "v3", "--thinking", "-"}, "[]"), 1, "thinking: format v3 does not know it");
    fails(prompt({"-"}, "[]"), 2, "--format, --tokenizer or --model is needed");
    fails(prompt({"--format", "v4", "--ids", "-"}, "[]"), 2, "--ids needs --tokenizer");
}
