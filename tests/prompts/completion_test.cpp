// Answers read while they are written: however they are cut, the same comes out.
#include <catch2/catch.hpp>

#include <chrono>
#include <random>

#include <nlohmann/json.hpp>

#include "rorqual/completion.hpp"
#include "rorqual/prompt.hpp"
#include "support/effort.hpp"
#include "support/outcome.hpp"
#include "text/tokenizers.hpp"

namespace rorqual {
namespace {

using Json = nlohmann::ordered_json;
using Kind = CompletionPart::Kind;
const std::filesystem::path shared = RQ_SHARED_DIR;

const std::string eos = "<｜end▁of▁sentence｜>";

struct Answer {
    std::string format;
    bool thinking;
    std::string text;
};

// What comes out, in a form that is easily compared: "c:Hello|t:f|a:{}" and the message, or where it was refused.
struct Outcome {
    std::string parts, message, refusal;
    bool operator==(const Outcome&) const = default;
};

class Reader {
 public:
    explicit Reader(const Answer& answer) : completion_(answer.format, answer.thinking) {}

    void feed(std::string_view text) {
        completion_.feed(text);
        take();
    }
    const std::string& finish() {
        const std::string& message = completion_.finish();
        take();
        return message;
    }
    /// What was given out so far.
    [[nodiscard]] const std::string& parts() const { return parts_; }

 private:
    void take() {
        constexpr char names[] = {'r', 'c', 't', 'a'};
        for (const auto& part : completion_.take()) {
            const char name = names[static_cast<int>(part.kind)];
            if (name != kind_ || name == 't') {
                if (kind_ != '\0') parts_ += '|';
                (parts_ += name) += ':';
            }
            kind_ = name;
            parts_ += part.text;
        }
    }

    Completion completion_;
    std::string parts_;
    char kind_ = '\0';
};

// "answer: byte 7: …": the place does not depend on the cuts; how much of the text is quoted does.
std::string place_of(const test::Outcome& outcome) {
    if (outcome.ok()) return "";
    return std::to_string(static_cast<int>(outcome.status)) + " " + outcome.line.substr(0, outcome.line.find(": ", 8));
}

Outcome read(const Answer& answer, const std::vector<std::string_view>& pieces) {
    Reader reader(answer);
    Outcome outcome;
    outcome.refusal = place_of(test::outcome_of([&] {
        for (const auto piece : pieces) reader.feed(piece);
        outcome.message = reader.finish();
    }));
    if (outcome.refusal.empty()) outcome.parts = reader.parts();
    return outcome;
}

Outcome read(const Answer& answer) { return read(answer, {answer.text}); }

std::vector<std::string_view> bytes_of(std::string_view text) {
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < text.size(); ++i) bytes.push_back(text.substr(i, 1));
    return bytes;
}

// Written by hand from the published templates.
struct Case {
    Answer answer;
    std::string parts;
    bool returns;  // the message in a prompt is this text again
};

std::string calls(const std::string& inner) { return "<｜tool▁calls▁begin｜>" + inner + "<｜tool▁calls▁end｜>" + eos; }

std::string old_call(const std::string& name, const std::string& arguments) {
    return "<｜tool▁call▁begin｜>function<｜tool▁sep｜>" + name + "\n```json\n" + arguments + "\n```<｜tool▁call▁end｜>";
}

std::string new_call(const std::string& name, const std::string& arguments) {
    return "<｜tool▁call▁begin｜>" + name + "<｜tool▁sep｜>" + arguments + "<｜tool▁call▁end｜>";
}

std::string dsml(const std::string& word, const std::string& invokes) {
    return "\n\n<｜DSML｜" + word + ">\n" + invokes + "</｜DSML｜" + word + ">" + eos;
}

const std::string two_invokes =
    "<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"s\" string=\"true\">a \"b\" < c\n\\</｜DSML｜parameter>\n"
    "<｜DSML｜parameter name=\"n\" string=\"false\">[1, {\"k\": null}]</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
    "<｜DSML｜invoke name=\"g\">\n<｜DSML｜parameter name=\"x\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n";
const std::string two_invokes_parts = R"(t:f|a:{"s": "a \"b\" < c\n\\", "n": [1, {"k": null}]}|t:g|a:{"x": 1})";

std::vector<Case> cases() {
    return {
        {{"v2", false, " Hello < you｜" + eos}, "c:Hello < you｜", true},
        {{"v2", false, "Hello" + eos}, "c:Hello", false},
        {{"v2", false, " <think>x</think> y" + eos}, "c:<think>x</think> y", true},
        {{"v3", false, "Hello" + eos}, "c:Hello", true},
        {{"v3", false, eos}, "", true},
        {{"v3", false, calls(old_call("f", "{\"a\": 1}") + "\n" + old_call("g", "{}"))}, "t:f|a:{\"a\": 1}|t:g|a:{}", true},
        {{"v3", false, "<｜tool▁calls▁begin｜>" + old_call("f", "{}") + eos}, "t:f|a:{}", false},
        {{"v3", false, "So:" + calls(old_call("f", "{}"))}, "c:So:|t:f|a:{}", false},
        {{"v3-0324", false, "Hello" + eos}, "c:Hello", true},
        {{"v3-0324", false, "So:" + calls(old_call("f", "{}") + "\n" + old_call("f", "[`]"))}, "c:So:|t:f|a:{}|t:f|a:[`]", true},
        {{"r1", true, "Hm.\n</think>\n\nYes." + eos}, "r:Hm.\n|c:\n\nYes.", false},
        {{"r1", false, "</think>Yes." + eos}, "c:Yes.", false},
        {{"r1-0528", true, "<think>\nHm.</think>Yes." + eos}, "r:\nHm.|c:Yes.", false},
        {{"r1-0528", false, "Yes, 1 <thin 2" + eos}, "c:Yes, 1 <thin 2", true},
        {{"r1-0528", true, "<think>Hm</think>" + calls(old_call("f", "{}"))}, "r:Hm|t:f|a:{}", false},
        {{"v3.1", false, "Hello" + eos}, "c:Hello", true},
        {{"v3.1", false, "So:" + calls(new_call("f", "{\"a\": 1}") + new_call("g", "{}"))}, "c:So:|t:f|a:{\"a\": 1}|t:g|a:{}", true},
        {{"v3.1", true, "Hm </ think></think>Yes." + eos}, "r:Hm </ think>|c:Yes.", false},
        {{"v3.1", true, "</think>" + calls(new_call("f", "<｜tool｜>"))}, "t:f|a:<｜tool｜>", false},
        {{"v3.2", false, "So:" + dsml("function_calls", two_invokes)}, "c:So:|" + two_invokes_parts, true},
        {{"v3.2", true, "Hm.</think>" + dsml("function_calls", two_invokes)}, "r:Hm.|" + two_invokes_parts, true},
        {{"v4", false, "1\n\n2\n\n<b>" + eos}, "c:1\n\n2\n\n<b>", true},
        {{"v4", true, "Hm.</think>So:" + dsml("tool_calls", two_invokes)}, "r:Hm.|c:So:|" + two_invokes_parts, true},
    };
}

// What the reference refuses, and the same for the other formats.
std::vector<Answer> refused() {
    return {
        {"v2", false, "no end"},
        {"v2", false, ""},
        {"v3", false, "a" + eos + "b"},
        {"v3", false, "a<｜begin▁of▁sentence｜>b" + eos},
        {"v3", false, "<｜tool▁calls▁begin｜>oops" + eos},
        {"v3", false, calls(new_call("f", "{}"))},
        {"r1", true, "never closes" + eos},
        {"r1", true, "a<think>b</think>c" + eos},
        {"r1-0528", true, "<think>a</think>b</think>c" + eos},
        {"v3.1", false, "a</think>b" + eos},
        {"v3.1", true, "a</think>" + calls(new_call("f", "{}") + "\n" + new_call("g", "{}"))},
        {"v3.1", true, "a</think>b<｜tool▁calls▁begin｜>" + new_call("f", "{}")},
        {"v3.2", false, "a｜DSML｜b" + eos},
        {"v3.2", true, "a\n\n<｜DSML｜function_calls>\n"},
        {"v4", false, dsml("tool_calls",
                           "<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">1</｜DSML｜parameter>\n"
                           "<｜DSML｜parameter name=\"a\" string=\"true\">2</｜DSML｜parameter>\n</｜DSML｜invoke>\n")},
        {"v4", false, dsml("tool_calls", "<｜DSML｜invoke nam=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n")},
        {"v4", false, dsml("tool_calls", "<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n")},
    };
}

Json fixtures() {
    const auto file = std::filesystem::exists(shared) ? shared / "golden/text/completions.json" : test::bundled("completions.json");
    return Json::parse(test::read_file(file));
}

std::vector<Answer> all_answers() {
    std::vector<Answer> answers = refused();
    for (const auto& one : cases()) answers.push_back(one.answer);
    for (const auto& fixture : fixtures()) answers.push_back({fixture.at("format"), fixture.at("thinking"), fixture.at("text")});
    return answers;
}

// The published parsers spell out what is empty. Keys may come in any order.
nlohmann::json as_published(nlohmann::json message) {
    if (message["content"].is_null()) message["content"] = "";
    for (const auto& [key, empty] : {std::pair("reasoning_content", nlohmann::json("")), std::pair("tool_calls", nlohmann::json::array())}) {
        if (!message.contains(key)) message[key] = empty;
    }
    return message;
}

TEST_CASE("answers are read and refused as the published parsers read and refuse them", "[prompts][completion][golden]") {
    std::size_t compared = 0;
    for (const auto& fixture : fixtures()) {
        const std::string text = fixture.at("text");
        CAPTURE(fixture.at("format"), text);
        const auto outcome = read({fixture.at("format"), fixture.at("thinking"), text});
        if (fixture.contains("error")) {
            CHECK_FALSE(outcome.refusal.empty());
        } else {
            REQUIRE(outcome.refusal.empty());
            CHECK(as_published(nlohmann::json::parse(outcome.message)) == nlohmann::json(fixture.at("message")));
        }
        ++compared;
    }
    CHECK(compared >= 28);
}

TEST_CASE("answers of every format come apart into reasoning, text and calls", "[prompts][completion]") {
    for (const auto& one : cases()) {
        CAPTURE(one.answer.format, one.answer.text);
        const auto outcome = read(one.answer);
        CHECK(outcome.refusal.empty());
        CHECK(outcome.parts == one.parts);
    }
    for (const auto& answer : refused()) {
        CAPTURE(answer.format, answer.text);
        CHECK_FALSE(read(answer).refusal.empty());
    }
}

TEST_CASE("a message that was read becomes, in a prompt, the text it was read from", "[prompts][completion]") {
    for (const auto& one : cases()) {
        if (!one.returns) continue;
        CAPTURE(one.answer.format, one.answer.text);
        const std::string user = R"({"role":"user","content":"u"})";
        const PromptOptions options{.format = one.answer.format, .thinking = one.answer.thinking};
        const std::string before = Prompt("[" + user + "]", options).text();
        PromptOptions closed = options;
        closed.generation = options.format == "v3.2" || options.format == "v4";  // which have no choice, and open no further answer
        CHECK(Prompt("[" + user + "," + read(one.answer).message + "]", closed).text() == before + one.answer.text);
    }
}

TEST_CASE("however an answer is cut in two, three or single bytes, the same comes out", "[prompts][completion]") {
    for (const auto& answer : all_answers()) {
        const std::string_view text = answer.text;
        const auto whole = read(answer);
        CAPTURE(answer.format, answer.thinking, answer.text);
        REQUIRE(read(answer, bytes_of(text)) == whole);
        for (std::size_t i = 0; i <= text.size(); ++i) {
            if (!(read(answer, {text.substr(0, i), text.substr(i)}) == whole)) FAIL("cut at " << i);
        }
        std::mt19937 random(7);
        const bool every = text.size() <= 80;
        for (std::size_t i = 0; i <= text.size(); i += every ? 1 : 1 + random() % 16) {
            for (std::size_t j = i; j <= text.size(); j += every ? 1 : 1 + random() % 32) {
                if (!(read(answer, {text.substr(0, i), text.substr(i, j - i), text.substr(j)}) == whole)) FAIL("cut at " << i << " and " << j);
            }
        }
    }
}

TEST_CASE("text is given out as soon as it can be no marker, and nothing that still can", "[prompts][completion]") {
    const auto promise = [](const Answer& answer, const std::string& marker, const std::string& before) {
        Reader reader(answer);
        reader.feed(answer.text);
        CAPTURE(answer.format, answer.text, marker);
        CHECK(reader.parts() == before);
        for (const char byte : marker.substr(0, marker.size() - 1)) {
            reader.feed({&byte, 1});
            CHECK(reader.parts() == before);
        }
        Reader other(answer);  // the marker but for its last byte, which makes it text
        other.feed(answer.text);
        other.feed(marker.substr(0, marker.size() - 1));
        other.feed("!");
        CHECK(other.parts() == before + marker.substr(0, marker.size() - 1) + "!");
    };
    for (const std::string format : {"v2", "v3", "r1-0528", "v3.1", "v3.2", "v4"}) promise({format, false, "Hello "}, eos, "c:Hello ");
    for (const std::string format : {"r1", "v3.1", "v3.2", "v4"}) promise({format, true, "Hm"}, "</think>", "r:Hm");
    promise({"v3.1", false, "a"}, "<｜tool▁calls▁begin｜>", "c:a");
    promise({"v3.1", false, "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{"}, "<｜tool▁call▁end｜>", "t:f|a:{");
    promise({"v4", false, "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n<｜DSML｜parameter name=\"a\" string=\"true\">x"},
            "</｜DSML｜parameter", "t:f|a:{\"a\": \"x");
    Reader blank({"v4", false, ""});
    blank.feed("a\n");
    CHECK(blank.parts() == "c:a");
    blank.feed("b");
    CHECK(blank.parts() == "c:a\nb");
}

TEST_CASE("after an error or the end an answer takes no more, and what was certain is still there", "[prompts][completion]") {
    Completion completion("v3.1", true);
    completion.feed("Hm");
    CHECK(test::outcome_of([&] { completion.feed(eos); }).status == Status::corrupt);
    CHECK(test::outcome_of([&] { completion.feed("x"); }).status == Status::wrong_state);
    CHECK(test::outcome_of([&] { (void)completion.finish(); }).status == Status::wrong_state);
    REQUIRE(completion.take().size() == 1);

    Completion cut("v3.1", false);
    cut.feed("Yes <");
    CHECK(test::outcome_of([&] { (void)cut.finish(); }).says("the answer ends before it is whole"));
    CHECK(cut.take().at(0).text == "Yes <");  // a generation that was stopped loses nothing

    Completion whole("v3.1", false);
    whole.feed(eos);
    CHECK(whole.finish() == R"({"role": "assistant", "content": ""})");
    CHECK(test::outcome_of([&] { whole.feed(""); }).says("the answer is finished"));
    CHECK(test::outcome_of([&] { (void)whole.finish(); }).status == Status::wrong_state);
    CHECK(whole.take().empty());

    CHECK(test::outcome_of([] { Completion("v9", false); }).status == Status::not_found);
    CHECK(test::outcome_of([] { Completion("v3", true); }).says("thinking: format v3 does not know it"));
}

TEST_CASE("bytes that are no UTF-8 pass as parts and are refused as a message", "[prompts][completion][hostile]") {
    for (const std::string format : {"v2", "v3.1", "v4"}) {
        for (const std::string bad : {"\xFF", "\xE2\x80", "<\xEF\xBD", "\xED\xA0\x80"}) {
            Completion completion(format, false);
            completion.feed("a" + bad + eos);
            CHECK(test::outcome_of([&] { (void)completion.finish(); }).says("answer: it is not UTF-8"));
            CHECK(completion.take().at(0).text == "a" + bad);
        }
    }
}

double seconds_to_read(const Answer& answer, std::size_t step) {
    const auto begin = std::chrono::steady_clock::now();
    Completion completion(answer.format, answer.thinking);
    const std::string_view text = answer.text;
    for (std::size_t i = 0; i < text.size(); i += step) {
        completion.feed(text.substr(i, step));
        if (i % 4096 < step) (void)completion.take();
    }
    (void)completion.finish();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

std::string repeated(int times, const std::string& text) {
    std::string all;
    all.reserve(static_cast<std::size_t>(times) * text.size());
    for (int i = 0; i < times; ++i) all += text;
    return all;
}

std::string parameters(int count) {
    std::string all;
    for (int i = 0; i < count; ++i) {
        all += "<｜DSML｜parameter name=\"" + std::to_string(i) + "\" string=\"false\">1</｜DSML｜parameter>\n";
    }
    return all;
}

TEST_CASE("ten megabytes and a hundred thousand markers are read in time that grows with the text alone", "[prompts][completion][hostile]") {
    constexpr double limit = 20;  // seconds; they take under one. What grows with the square takes hours
    const std::size_t step = GENERATE(std::size_t{1}, std::size_t{5}, std::size_t{1} << 30);
    const std::string many = repeated(test::repeats(1'250'000), "a<b ");
    const std::string almost = repeated(test::repeats(100'000), "<｜end▁of▁sentence<｜tool▁calls▁begi</thin\n\n<｜DSML<");
    for (const auto& [format, thinking] : {std::pair("v2", false), std::pair("r1", true), std::pair("v3.1", true), std::pair("v4", true)}) {
        const std::string end = thinking ? "</think>" : "";
        CHECK(seconds_to_read({format, thinking, many + end + many + eos}, step) < limit);
        CHECK(seconds_to_read({format, thinking, almost + end + almost + eos}, step) < limit);
    }
    CHECK(seconds_to_read({"v3.1", false, calls(repeated(test::repeats(100'000), new_call("f", "{}")))}, step) < limit);
    CHECK(seconds_to_read({"v4", false, dsml("tool_calls", "<｜DSML｜invoke name=\"f\">\n" + parameters(test::repeats(100'000)) + "</｜DSML｜invoke>\n")}, step) < limit);
    CHECK(seconds_to_read({"v4", false, dsml("tool_calls", "<｜DSML｜invoke name=\"" + many + "\">\n" + parameters(1) + "</｜DSML｜invoke>\n")}, step) < limit);
}

TEST_CASE("a hundred thousand markers out of place are refused at the first that is", "[prompts][completion][hostile]") {
    for (const std::string marker : {"<think>", "</think>", "<｜begin▁of▁sentence｜>", "｜DSML｜", "<｜DSML｜invoke"}) {
        const auto outcome = read({"v4", false, repeated(100'000, marker) + eos});
        CAPTURE(marker);
        CHECK(outcome.refusal.starts_with("4 answer: byte "));
    }
}

}  // namespace
}  // namespace rorqual
