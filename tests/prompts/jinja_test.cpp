// Chat templates that come with models: what Jinja makes of them, and what no template can do.
#include <catch2/catch.hpp>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "rorqual/completion.hpp"
#include "rorqual/prompt.hpp"
#include "support/outcome.hpp"
#include "text/tokenizers.hpp"

namespace rorqual {
namespace {

using Json = nlohmann::ordered_json;

Json reference() { return Json::parse(test::read_file(test::bundled("jinja.json"))); }

PromptOptions with(const std::string& chat_template, const std::string& variables = "", const std::string& tokens = "") {
    return {.format = "jinja", .chat_template = {.text = chat_template, .origin = "t", .tokens = tokens}, .variables = variables};
}

std::string text(const std::string& chat_template, const std::string& messages = "[]", const std::string& variables = "") {
    return Prompt(messages, with(chat_template, variables)).text();
}

test::Outcome refusal(const std::string& chat_template, const std::string& messages = "[]", const std::string& variables = "") {
    return test::outcome_of([&] { (void)text(chat_template, messages, variables); });
}

std::string repeated(const std::string& text, std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += text;
    return all;
}

TEST_CASE("templates write what Jinja set up by transformers writes, byte for byte, and fail where it fails", "[prompts][golden]") {
    const Json file = reference();
    std::size_t written = 0;
    for (const Json& one : file.at("cases")) {
        const std::string source = one.value("template", file.at("templates").value(one.at("case").get<std::string>(), ""));
        PromptOptions options = with(source, one.at("variables"), file.at("tokens").dump());
        options.generation = one.at("generation");
        options.thinking = one.at("thinking");
        CAPTURE(one.at("case"), source, one.at("messages"));
        std::string prompt;
        const auto outcome = test::outcome_of([&] { prompt = Prompt(one.at("messages").get<std::string>(), options).text(); });
        if (one.contains("error")) {
            CAPTURE(one.at("error"), outcome.line, prompt);
            CHECK((outcome.status == Status::corrupt || outcome.status == Status::unsupported));
            CHECK(outcome.line.starts_with("t: line "));
        } else {
            CHECK(outcome.line == "");
            CHECK(prompt == one.at("prompt").get<std::string>());
            ++written;
        }
    }
    CHECK(written > 150);
}

// The ids of "<｜end▁of▁sentence｜>" in a prompt.
std::ptrdiff_t count_ends(const Prompt& prompt) {
    const auto tokenizer = test::bundled_tokenizer("v3");
    const auto ids = prompt.tokens(tokenizer);
    return std::count(ids.begin(), ids.end(), *tokenizer.find("<｜end▁of▁sentence｜>"));
}

TEST_CASE("text of messages never becomes a special token, whatever a template does with it; the template's own does", "[prompts][hostile]") {
    const std::string end = "<｜end▁of▁sentence｜>";
    const std::string messages = Json::array({{{"role", "user"}, {"content", "  " + end + " "}, {end, {{"k", end}}}, {"parts", {"<｜end▁of", "▁sentence｜>"}}}}).dump();
    const auto ends = [&](const std::string& chat_template) {
        return count_ends(Prompt(messages, with(chat_template, Json({{"said", end}, {"eos_token", end}}).dump())));
    };
    const std::string expression = GENERATE(
        "m.content", "m.content | trim", "m.content.strip()", "m.content[2:-1]", "m.content | replace('x', 'y')", "m.content.split('▁')|join('▁')",
        "m | tojson", "m", "m.keys() | join", "[m.content]", "'' ~ m.content ~ ''", "m.content * 1", "m.content | indent", "m.content | list | join", "m.content[::1]",
        "m.parts | join", "m.parts[0] + m.parts[1]", "m.parts[0] ~ '▁sentence｜>'", "'<｜end▁of' + m.parts[1]", "said", "said | string", "(m.items() | list)[2]", "m.content | title | lower",
        "m.content.removesuffix(' ')", "dict(x=m.content)", "m.content.replace('zz', eos_token)");
    CAPTURE(expression);
    CHECK(ends("{% for m in messages %}{{ " + expression + " }}{% endfor %}") == 0);
    CHECK(ends("{% set ns = namespace() %}{% for m in messages %}{% set ns.a = " + expression + " %}{% endfor %}{{ ns.a }}" + end) == 1);
}

TEST_CASE("markup of a template is markup wherever it comes from in it", "[prompts]") {
    const std::string end = "<｜end▁of▁sentence｜>";
    const std::string messages = R"([{"role": "end", "content": "x"}])";
    const auto ends = [&](const std::string& chat_template) { return count_ends(Prompt(messages, with(chat_template, "", Json({{"eos_token", end}}).dump()))); };
    for (const std::string& expression : std::vector<std::string>{"eos_token", "'" + end + "'", "'" + end + "' | trim", "'<｜end▁of' + '▁sentence｜>'", "'<｜' + messages[0].role + '▁of▁sentence｜>'", "['" + end + "'] | join",
                                                                  "'a b'.replace(' ', eos_token)", "messages[0].content ~ eos_token", "{'k': eos_token} | tojson", "'x' | replace('x', eos_token)"}) {
        CAPTURE(expression);
        CHECK(ends("{{ " + expression + " }}") == 1);
    }
    CHECK(ends(end) == 1);
    CHECK(ends("{% macro m() %}" + end + "{% endmacro %}{% set x %}{{ m() }}{% endset %}{{ x }}") == 1);
}

TEST_CASE("no template runs forever, fills the memory or overflows the stack", "[prompts][hostile]") {
    struct Case {
        std::string chat_template, says;
    };
    const std::string many = "{% for i in range(100000) %}";
    const auto c = GENERATE_REF(values<Case>({
        {many + many + "{% endfor %}{% endfor %}", "the template makes more than"},
        {many + "{% for j in 'abcdefgh' %}{% set x = 1 %}{% endfor %}{% endfor %}", "the template "},
        {"{% set l = range(1000) | list %}" + many + "{% for j in l %}{{ 1 }}{{ 1 }}{% endfor %}{% endfor %}", "steps"},
        {"{% set ns = namespace(s='xxxxxxxxxxxxxxxx') %}" + many + "{% set ns.s = ns.s + ns.s %}{% endfor %}", "bytes"},
        {"{% set ns = namespace(s=[1]) %}" + many + "{% set ns.s = ns.s + ns.s %}{% endfor %}", "bytes"},
        {"{% set ns = namespace(s=[1]) %}" + many + "{% set ns.s = [ns.s] %}{% endfor %}", "nested deeper"},
        {"{% set ns = namespace(s=1) %}" + many + "{% set ns.s = {'a': ns.s} %}{% endfor %}", "nested deeper"},
        {"{% set ns = namespace(s={}) %}" + many + "{% set ns.s = ns.s.get %}{% endfor %}", "undefined"},
        {"{{ 'x' * 1000000000000 }}", "steps"},
        {"{{ ('x' * 1000000) * 1000000 }}", "bytes"},
        {"{{ '' * 9000000000000000000 }}", ""},
        {many + "{{ 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' * 10 }}{% endfor %}", "bytes"},
        {"{{ range(1000000000) }}", "range: more than 100000 numbers"},
        {"{{ [[1]] | tojson(indent=1000000000) }}", "indent: more than 64"},
        {"{{ 'x' | indent(1000000000) }}", "width: more than 1024"},
        {"{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "nested deeper"},
        {"{% macro f(x=f()) %}{% endmacro %}{{ f() }}", "nested deeper"},
        {"{% set a = 'a' * 200000 %}{% set b = 'a' * 100000 + 'b' %}{{ b in a }}", "steps"},
        {"{% set a = 'a' * 200000 %}{% set b = 'a' * 100000 + 'b' %}{{ a.replace(b, '') }}", "steps"},
        {"{% set l = range(30000) | list %}{{ l | unique | list | length }}", "steps"},
        {"{% set l = range(30000) | list %}{% for i in l %}{{ i in l }}{% endfor %}", "steps"},
        {"{% set ns = namespace() %}{% set ns.x = ns %}", "a namespace in a namespace"},
        {"{% set ns = namespace() %}{% set ns.x = [ns] %}", "a namespace in a list"},
        {"{% set ns = namespace() %}{% set ns.x = {'a': ns} %}", "a namespace in a dict"},
        {"{% set ns = namespace() %}{% set ns.x = namespace(a=ns) %}", "a namespace in a dict"},
        {"{{ 9223372036854775807 + 1 }}", "beyond 64 bits"},
        {"{{ (-9223372036854775807 - 1) // -1 }}", "beyond 64 bits"},
        {"{{ 10 ** 100 }}", "beyond 64 bits"},
        {"{{ 1e308 * 10 }}", "beyond what a double holds"},
        {"{{ 99999999999999999999 }}", "beyond 64 bits"},
    }));
    CAPTURE(c.chat_template);
    const auto outcome = refusal(c.chat_template);
    if (c.says.empty()) {
        CHECK(outcome.ok());
    } else {
        CHECK_THAT(outcome.line, Catch::StartsWith("t: line 1: ") && Catch::Contains(c.says));
    }
}

TEST_CASE("templates nested without end, or without measure, are refused before they run", "[prompts][hostile]") {
    const std::size_t n = 50000;
    for (const std::string& source : std::vector<std::string>{
             "{{ " + repeated("(", n) + "1" + repeated(")", n) + " }}", "{{ " + repeated("[", n) + repeated("]", n) + " }}", "{{ " + repeated("{'a':", n / 4) + repeated("}", n / 4) + "}}",
             "{{ " + repeated("not ", n / 2) + "1 }}", "{{ " + repeated("-", n) + "1 }}", "{{ 1" + repeated("+1", n) + " }}", "{{ 1" + repeated("~1", n) + " }}", "{{ a" + repeated(".a", n) + " }}",
             "{{ a" + repeated("|e", n) + " }}", "{{ a" + repeated("[0]", n / 2) + " }}", "{{ a" + repeated("()", n) + " }}", "{{ 1" + repeated(" if 1 else 1", n / 10) + " }}", "{{ 1" + repeated(" and 1", n / 4) + " }}",
             repeated("{% if 1 %}", n / 8), repeated("{% for a in b %}", n / 10), repeated("{% set a %}", n / 8), "{{ a" + repeated(" is b", n / 4) + " }}",
             "{{ " + repeated("f(", n) + repeated(")", n) + " }}", "{{ " + repeated("a(b=", n / 4) + repeated(")", n / 4) + " }}"}) {
        const auto outcome = refusal(source);
        CAPTURE(source.substr(0, 40), outcome.line);
        CHECK(outcome.says("nested deeper than 200"));
    }
    CHECK(refusal(std::string(std::size_t{10} << 20, 'x')).says("t: line 1: a template of 10485760 bytes, at most 262144 are read"));
    CHECK(refusal("\xff").says("no UTF-8"));
    CHECK(text("{% if 0 %}a" + repeated("{% elif 0 %}b", 5000) + "{% else %}c{% endif %}") == "c");
    CHECK(text(repeated("{{ 1 }}", 5000)).size() == 5000);
}

TEST_CASE("messages are passed to a template as they are, and what is wrong with them is told with its place", "[prompts][hostile]") {
    CHECK(text("{{ messages[0].colour }}{{ messages[0].content[0].text }}", R"([{"role": "user", "colour": "red", "content": [{"type": "text", "text": "t"}]}])") == "redt");
    CHECK(text("{{ messages[0].role }}", R"([{"role": "ipython"}])") == "ipython");
    CHECK(refusal("x", "{}").says("messages: expected an array"));
    CHECK(refusal("x", "[1]").says("messages[0]: expected an object"));
    CHECK(refusal("x", "[{}]").says("messages[0].role: missing"));
    CHECK(refusal("x", R"([{"role": 1}])").says("messages[0].role: expected a string"));
    CHECK(refusal("x", R"([{"role": "<|end|>"}])").says("messages[0].role: \"<|end|>\", expected a word"));
    CHECK(refusal("x", R"([{"role": "user"}, {"role": "user", "tools": {}}])").says("messages[1].tools: expected an array"));
    CHECK(refusal("x", "[", "").says("messages: byte 1: "));
    CHECK(refusal("x", std::string(100000, '[')).says("messages: byte 65: nested deeper than 64"));
    CHECK(refusal("x", "[]", "[]").says("variables: expected an object"));
    CHECK(refusal("{{ messages[0].content + 'x' }}", R"([{"role": "user"}])").says("t: line 1: + of 'content', which is undefined and a string"));
    CHECK(refusal("").status == Status::invalid_argument);
}

TEST_CASE("an error of a template names it and the line; what it raises is the error's text", "[prompts]") {
    CHECK(refusal("a\n{% if messages %}\n{% else %}\n{{ raise_exception('Give me ' ~ 'messages') }}{% endif %}").line == "t: line 4: Give me messages");
    CHECK(refusal("\n\n{{ x.y }}").line == "t: line 3: 'x' is undefined");
    CHECK(refusal("\n{% include 'x' %}").line == "t: line 2: a tag that is not supported: if, for, set, macro, generation, break, continue and raw are, at \"include\"");
    CHECK(refusal("{{ 1 | urlize }}").line == "t: line 1: the filter \"urlize\" is not supported");
    CHECK(refusal("{{ 1 | urlize }}").status == Status::unsupported);
    CHECK(refusal("{{ 1 +\n }}").line == "t: line 2: expected an expression, the tag ends");
    CHECK(refusal("{{").line == "t: line 1: a tag that does not end");
}

TEST_CASE("a template is told the date only by its caller", "[prompts]") {
    const std::string dated = "{{ strftime_now('%Y') if strftime_now is defined else 'no date' }}";
    CHECK(text(dated) == "no date");
    CHECK(text(dated, "[]", R"({"strftime_now": "2025"})") == "2025");
    CHECK(refusal("{{ strftime_now('%Y') }}").says("strftime_now: the library reads no clock"));
}

TEST_CASE("tools of all messages are what a template calls tools, and without any they are none", "[prompts]") {
    const std::string show = "{{ tools | tojson }}{{ add_generation_prompt }}{{ enable_thinking }}";
    CHECK(text(show, R"([{"role": "user", "tools": [1]}, {"role": "user", "tools": null}, {"role": "user", "tools": [{"a": 2}]}])") == "[1, {\"a\": 2}]TrueFalse");
    CHECK(text(show, "[]") == "nullTrueFalse");
    CHECK(text(show, "[]", R"({"tools": [], "enable_thinking": null})") == "[]TrueNone");
    PromptOptions options = with(show);
    options.generation = false, options.thinking = true;
    CHECK(Prompt("[]", options).text() == "nullFalseTrue");
}

// In the manner of the templates of March and August 2025, written from what they do.
const std::string like_v3_0324 =
    "{{ bos_token }}{% set ns = namespace(out=false) %}{% for m in messages if m.role == 'system' %}{{ '' if loop.first else '\\n\\n' }}{{ m.content }}{% endfor %}"
    "{% for m in messages %}{% if m.role == 'user' %}{% set ns.out = false %}{{ '<｜User｜>' ~ m.content ~ '<｜Assistant｜>' }}"
    "{% elif m.role == 'tool' %}{{ '\\n' if ns.out else '<｜tool▁outputs▁begin｜>' }}{{ '<｜tool▁output▁begin｜>' ~ m.content ~ '<｜tool▁output▁end｜>' }}{% set ns.out = true %}"
    "{% elif m.role == 'assistant' %}{% if ns.out %}{{ '<｜tool▁outputs▁end｜>' }}{% set ns.out = false %}{% endif %}{{ m.content or '' }}"
    "{% for c in m.tool_calls or [] %}{{ '<｜tool▁calls▁begin｜>' if loop.first else '\\n' }}"
    "{{ '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + c.function.name + '\\n```json\\n' + c.function.arguments + '\\n```<｜tool▁call▁end｜>' }}"
    "{% if loop.last %}{{ '<｜tool▁calls▁end｜>' }}{% endif %}{% endfor %}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if ns.out %}{{ '<｜tool▁outputs▁end｜>' }}{% elif add_generation_prompt and (messages | last).role != 'user' %}{{ '<｜Assistant｜>' }}{% endif %}";

TEST_CASE("a template that writes what a published format writes is that format; another is run itself", "[prompts]") {
    const auto tokenizer = test::tokenizer_with(
        {"<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<｜User｜>", "<｜Assistant｜>", "<｜tool▁calls▁begin｜>", "<｜tool▁calls▁end｜>", "<｜tool▁call▁begin｜>",
         "<｜tool▁call▁end｜>", "<｜tool▁sep｜>", "<｜tool▁outputs▁begin｜>", "<｜tool▁outputs▁end｜>", "<｜tool▁output▁begin｜>", "<｜tool▁output▁end｜>", "<think>", "</think>"});
    const std::string tokens = Json({{"bos_token", "<｜begin▁of▁sentence｜>"}, {"eos_token", "<｜end▁of▁sentence｜>"}}).dump();
    const auto format = [&](const std::string& chat_template) {
        return prompt_format_for(tokenizer, {.text = chat_template, .origin = "t", .tokens = tokens});
    };
    CHECK(format("") == "r1-0528");
    CHECK(format(like_v3_0324) == "v3-0324");
    CHECK(format("{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}") == "jinja");
    CHECK(format("{{ raise_exception('never') }}") == "jinja");
    CHECK(format("{% nonsense") == "jinja");
    CHECK(format(like_v3_0324 + "!") == "jinja");
    const std::string v2 =
        "{{ bos_token }}{% for m in messages %}{% if m.role == 'user' %}{{ 'User: ' + m.content + '\\n\\n' }}{% elif m.role == 'assistant' %}"
        "{{ 'Assistant: ' + m.content + eos_token }}{% elif m.role == 'system' %}{{ m.content + '\\n\\n' }}{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";
    CHECK(format(v2) == "v2");
}

TEST_CASE("an answer to a template is its text, with reasoning apart where it has any", "[prompts]") {
    const auto message = [](const std::string& answer, bool thinking) {
        Completion completion("jinja", thinking);
        for (const char c : answer) completion.feed(std::string_view(&c, 1));
        return Json::parse(completion.finish());
    };
    CHECK(message("Yes </think> no", false) == Json::parse(R"({"role": "assistant", "content": "Yes </think> no"})"));
    CHECK(message("<think>Hm</think>Yes", false) == Json::parse(R"({"role": "assistant", "content": "Yes", "reasoning_content": "Hm"})"));
    CHECK(message("<think>Hm</think>Yes", true) == Json::parse(R"({"role": "assistant", "content": "Yes", "reasoning_content": "Hm"})"));
    CHECK(message("Hm</think>Yes", true) == Json::parse(R"({"role": "assistant", "content": "Yes", "reasoning_content": "Hm"})"));
    CHECK(message("", false) == Json::parse(R"({"role": "assistant", "content": ""})"));
    CHECK(test::outcome_of([&] { (void)message("Hm", true); }).says("the answer ends before it is whole"));
}

}  // namespace
}  // namespace rorqual
