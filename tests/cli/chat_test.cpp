#include <catch2/catch.hpp>

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;
using Json = nlohmann::ordered_json;

namespace {

std::vector<std::string> chat(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"chat", tale.string(), "--seed", "3"});
    return arguments;
}

Json read_json(const std::filesystem::path& file) {
    std::ifstream in(file);
    return Json::parse(in);
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++found;
    return found;
}

/// The program on a terminal of its own.
class Terminal {
 public:
    explicit Terminal(std::vector<std::string> command) {
        std::vector<char*> arguments;
        for (auto& argument : command) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        process_ = ::forkpty(&end_, nullptr, nullptr, nullptr);
        if (process_ == 0) {
            ::execv(arguments[0], arguments.data());
            ::_exit(127);
        }
    }
    ~Terminal() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
        ::close(end_);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;

    void type(std::string_view keys) { REQUIRE(::write(end_, keys.data(), keys.size()) == static_cast<ssize_t>(keys.size())); }

    /// What appears from here on until `text` does, or nothing more comes.
    std::string wait_for(const std::string& text) {
        std::array<char, 4096> bytes{};
        while (seen_.find(text) == std::string::npos) {
            pollfd waiting{end_, POLLIN, 0};
            if (::poll(&waiting, 1, 30'000) != 1) break;
            const ssize_t got = ::read(end_, bytes.data(), bytes.size());
            if (got <= 0) break;
            seen_.append(bytes.data(), static_cast<std::size_t>(got));
        }
        const auto found = seen_.find(text);
        const auto end = found == std::string::npos ? seen_.size() : found + text.size();
        const std::string before = seen_.substr(0, end);
        seen_.erase(0, end);
        return before;
    }

    /// The exit code.
    int wait() {
        (void)wait_for("nobody ever writes this");
        int status = 0;
        ::waitpid(process_, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

 private:
    pid_t process_ = -1;
    int end_ = -1;
    std::string seen_;
};

}  // namespace

TEST_CASE("chat answers each line of its input, with nothing but answers on standard output", "[cli][chat]") {
    const TempFolder folder;
    const auto file = (folder / "saved.json").string();
    const auto ran = rorqual_program(chat({"--system", "Be brief.", "--limit", "12"}), "Once upon a time\n\nand \\\nthen?\n/save " + file + "\n");
    CAPTURE(ran.err);
    REQUIRE(ran.status == 0);
    const Json messages = read_json(file);
    REQUIRE(messages.size() == 5);
    CHECK(messages[0] == Json({{"role", "system"}, {"content", "Be brief."}}));
    CHECK(messages[1] == Json({{"role", "user"}, {"content", "Once upon a time"}}));
    CHECK(messages[3] == Json({{"role", "user"}, {"content", "and \nthen?"}}));
    for (const std::size_t i : {2, 4}) CHECK(messages[i].at("role") == "assistant");
    CHECK(ran.out == messages[2].at("content").get<std::string>() + "\n" + messages[4].at("content").get<std::string>() + "\n");
    CHECK(count(ran.err, "[the answer has reached its limit]\n") == 2);
    CHECK(ran.err.find("5 messages in " + file + "\n") != std::string::npos);
}

TEST_CASE("a conversation that is loaded goes on as if it had never been left", "[cli][chat]") {
    const TempFolder folder;
    const auto file = (folder / "saved.json").string();
    const std::vector<std::string> how = chat({"--greedy", "--limit", "10"});
    const auto whole = rorqual_program(how, "Once\nAnd the king?\n");
    const auto first = rorqual_program(how, "Once\n/save " + file + "\n");
    const auto second = rorqual_program(how, "/load " + file + "\nAnd the king?\n");
    CHECK(second.err.find("2 messages from " + file) != std::string::npos);
    CHECK_FALSE(second.out.empty());
    CHECK(first.out + second.out == whole.out);
    CHECK(rorqual_program(how, "Once\n/clear\nOnce\n").out == first.out + first.out);
}

TEST_CASE("Ctrl-C stops an answer and keeps the conversation with what was written of it", "[cli][chat]") {
    const TempFolder folder;
    const auto file = (folder / "saved.json").string();
    std::vector<std::string> command = chat({});
    command.insert(command.begin(), RQ_PROGRAM);
    std::string input;
    for (int i = 0; i < 8; ++i) input += "Tell a tale\n";  // a signal between two answers is passed on to the next
    Program program(command, input + "/save " + file + "\n");
    program.wait_for_output(30);
    program.signal(SIGINT);
    const auto ran = program.wait();
    CAPTURE(ran.err);
    CHECK(count(ran.err, "[stopped]\n") + count(ran.err, "stopped; your message is not part of the conversation\n") == 1);
    const Json messages = read_json(file);
    CHECK(messages.size() >= 2);
    std::string answers;
    for (const auto& message : messages) {
        if (message.at("role") == "assistant" && message.at("content") != "") answers += message.at("content").get<std::string>() + "\n";
    }
    CHECK(ran.out == answers);
}

TEST_CASE("chat tells speed, use of the context and its commands", "[cli][chat]") {
    const auto ran = rorqual_program(chat({"--limit", "5", "--context", "300"}), "Once\n/stats\n/help\n");
    CHECK(ran.status == 0);
    for (const char* said : {"prompts ", " tokens/s, answers ", " of 300 tokens, cache ", "/save FILE"}) {
        CAPTURE(said, ran.err);
        CHECK(ran.err.find(said) != std::string::npos);
    }
}

TEST_CASE("what goes wrong in a chat is told, ends nothing, and shows in the exit code", "[cli][chat]") {
    const TempFolder folder;
    const auto bad = folder.write("bad.json", R"([{"role":"king","content":"x"}])").string();
    const auto told = [&](const std::string& line, const std::string& says) {
        const auto ran = rorqual_program(chat({"--limit", "4"}), line + "\nOnce\n");
        CAPTURE(line, ran.err);
        CHECK(ran.status == 1);
        CHECK(ran.err.find(says) != std::string::npos);
        CHECK(lines_of(ran.out) >= 1);  // the message behind it is answered
    };
    told("/dance", "/dance: no such command");
    told("/load /nowhere.json", "/nowhere.json: No such file or directory");
    told("/load " + bad, bad + ": messages[0].role: ");
    told("/load " + tale.string() + "/README.md", "no JSON array of messages");
    told("/save /nowhere/x", "/nowhere/x");
    told("/think on", "thinking: format v2 does not know it");
    std::string long_line;
    for (int i = 0; i < 3000; ++i) long_line += "king ";
    told(long_line, "your message is not part of the conversation");
}

TEST_CASE("chat talks as the chat template of the model has it, unless a format is named", "[cli][chat]") {
    const TempFolder folder;
    const auto model = folder / "own", file = folder / "saved.json";
    std::filesystem::copy(tale, model);
    std::ofstream(model / "chat_template.jinja") << "{% for m in messages %}{{ m.content }}{% endfor %}{{ raise_exception('too long') if messages | length > 1 }}";
    const auto ran = rorqual_program({"chat", model.string(), "--seed", "3", "--limit", "5"}, "Once upon\n/save " + file.string() + "\nmore\n");
    CAPTURE(ran.out, ran.err);
    CHECK(read_json(file).size() == 2);
    CHECK_FALSE(read_json(file)[1].at("content").get<std::string>().empty());
    CHECK(ran.err.find("chat_template.jinja: line 1: too long") != std::string::npos);
    CHECK(rorqual_program({"chat", model.string(), "--seed", "3", "--limit", "5", "--format", "v2"}, "Once upon\nmore\n").err.find("too long") == std::string::npos);
}

TEST_CASE("chat refuses a model without a chat format, and formats that there are not, in one sentence", "[cli][chat]") {
    const TempFolder folder;
    const auto model = folder / "plain";
    std::filesystem::copy(tale, model);
    std::ifstream in(model / "tokenizer.json");
    std::string tokenizer{std::istreambuf_iterator<char>(in), {}};
    const std::string token = "<｜end▁of▁sentence｜>";
    for (auto at = tokenizer.find(token); at != std::string::npos; at = tokenizer.find(token, at)) tokenizer.replace(at, token.size(), "<s>");
    std::ofstream(model / "tokenizer.json") << tokenizer;
    const auto none = rorqual_program({"chat", model.string()}, "Once\n");
    CHECK(none.status == 1);
    CHECK(none.err.find("the tokenizer has the special tokens of no prompt format") != std::string::npos);
    CHECK(lines_of(none.err) == 1);
    const auto unknown = rorqual_program(chat({"--format", "v9"}), "Once\n");
    CHECK(unknown.status == 1);
    CHECK(unknown.err.find("expected one of v2, v3") != std::string::npos);
    CHECK(rorqual_program(chat({"--thinking"}), "Once\n").err.find("thinking: format v2") != std::string::npos);
}

TEST_CASE("on a terminal chat asks, joins what was pasted, and leaves at Ctrl-D or the second Ctrl-C", "[cli][chat]") {
    const TempFolder folder;
    const auto file = (folder / "saved.json").string();
    std::vector<std::string> command = chat({"--limit", "6"});
    command.insert(command.begin(), RQ_PROGRAM);
    const std::string ctrl_c = "\x03", ctrl_d = "\x04";
    SECTION("Ctrl-D") {
        Terminal terminal(command);
        CHECK(terminal.wait_for("> ").find("Format v2, room for ") != std::string::npos);
        terminal.type("Once upon\na time\n");
        CHECK(terminal.wait_for("[the answer has reached its limit]").ends_with("limit]"));
        (void)terminal.wait_for("> ");
        terminal.type("/save " + file + "\n");
        CHECK(terminal.wait_for("2 messages in").ends_with("2 messages in"));
        (void)terminal.wait_for("> ");
        terminal.type(ctrl_d);
        CHECK(terminal.wait() == 0);
        CHECK(read_json(file)[0].at("content") == "Once upon\na time");
    }
    SECTION("Ctrl-C twice") {
        Terminal terminal(command);
        (void)terminal.wait_for("> ");
        terminal.type(ctrl_c);
        CHECK(terminal.wait_for("Ctrl-C again or Ctrl-D leaves.").ends_with("leaves."));
        (void)terminal.wait_for("> ");
        terminal.type(ctrl_c);
        CHECK(terminal.wait() == 0);
    }
}
