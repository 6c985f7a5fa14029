#include <catch2/catch.hpp>

#include <csignal>

#include "cli/program.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

Ran run(std::vector<std::string> arguments, std::string_view input = "") {
    arguments.insert(arguments.begin(), {"run", tale.string()});
    return rorqual_program(arguments, input);
}

}  // namespace

TEST_CASE("run prints the prompt and what follows on standard output, and one line on standard error", "[cli][run]") {
    const auto ran = run({"Once upon a time", "--limit", "20"});
    CHECK(ran.status == 0);
    CHECK(ran.out.starts_with("Once upon a time"));
    CHECK(ran.out.size() > 50);
    CHECK(lines_of(ran.err) == 1);
    for (const char* said : {"tale (deepseek_v2), mode exact, ", "story 20 tokens at ", " of memory\n"}) {
        CAPTURE(said, ran.err);
        CHECK(ran.err.find(said) != std::string::npos);
    }
}

TEST_CASE("run writes the same text for the same seed, and another for another", "[cli][run]") {
    const auto first = run({"Once", "--limit", "40", "--seed", "7"});
    CHECK(first.out == run({"Once", "--limit", "40", "--seed", "7", "--threads", "1"}).out);
    CHECK(first.out != run({"Once", "--limit", "40", "--seed", "8"}).out);
}

TEST_CASE("run takes its prompt as an argument, from standard input or from a file", "[cli][run]") {
    const TempFolder folder;
    const auto file = folder.write("prompt.txt", "The old king\n");
    const auto argument = run({"The old king", "--greedy", "--limit", "8"});
    CHECK(argument.out == run({"--greedy", "--limit", "8"}, "The old king\n").out);
    CHECK(argument.out == run({"--greedy", "--limit", "8", "--file", file.string()}).out);
    CHECK("The old king" + run({"The old king", "--greedy", "--limit", "8", "--no-echo"}).out == argument.out);
}

TEST_CASE("run ends before a stop string, of which nothing is printed", "[cli][run]") {
    const auto whole = run({"Once upon a time", "--greedy", "--limit", "40", "--no-echo"}).out;
    REQUIRE(whole.find(',') != std::string::npos);
    const auto stopped = run({"Once upon a time", "--greedy", "--limit", "40", "--no-echo", "--stop", ","});
    CHECK(stopped.status == 0);
    CHECK(stopped.out == whole.substr(0, whole.find(',')) + "\n");
}

TEST_CASE("Ctrl-C ends run with code 130 after the text so far, with its line on standard error", "[cli][run]") {
    Program program({RQ_PROGRAM, "run", tale.string(), "Once upon a time", "--ignore-eos", "--seed", "3"});
    program.wait_for_output(60);
    program.signal(SIGINT);
    const auto ran = program.wait();
    CHECK(ran.status == 130);
    CHECK(ran.out.starts_with("Once upon a time"));
    CHECK(ran.out.ends_with("\n"));
    CHECK(lines_of(ran.err) == 1);
    CHECK(ran.err.find("of memory\n") != std::string::npos);
}

TEST_CASE("run ends quietly when nobody reads its output any more", "[cli][run]") {
    Program program({RQ_PROGRAM, "run", tale.string(), "Once upon a time", "--ignore-eos", "--seed", "3"});
    program.wait_for_output(20);
    program.close_output();
    const auto ran = program.wait();
    CHECK(ran.status == 0);
    CHECK(ran.err.empty());
}

TEST_CASE("run says in one line what is wrong with its model or prompt, and exits with 1", "[cli][run]") {
    const auto one_line = [](const Ran& ran, const std::string& about) {
        CAPTURE(ran.err, about);
        CHECK(ran.status == 1);
        CHECK(ran.out.empty());
        CHECK(lines_of(ran.err) == 1);
        CHECK(ran.err.starts_with("rorqual: "));
        CHECK(ran.err.find(about) != std::string::npos);
    };
    one_line(rorqual_program({"run", "/nowhere/model", "x"}), "/nowhere/model");
    one_line(run({"--file", "/nowhere/prompt.txt"}), "/nowhere/prompt.txt: No such file or directory");
    one_line(run({"x", "--isa", "abacus"}), "abacus");
    one_line(run({"x", "--temperature", "-1"}), "temperature");
    one_line(rorqual_program({"run", (bundled_checkpoints / "v2-f16").string(), "x"}), "no tokenizer");
}

TEST_CASE("run begins at the beginning of a text where the prompt is empty", "[cli][run]") {
    const auto ran = run({"--limit", "10", "--seed", "1"});
    CHECK(ran.status == 0);
    CHECK(ran.out.size() > 10);
    CHECK(ran.err.find("prompt 1 token, story ") != std::string::npos);
}

TEST_CASE("wrong usage exits with 2 and names the option", "[cli]") {
    const auto unknown = run({"x", "--no-such-option"});
    CHECK(unknown.status == 2);
    CHECK(unknown.err.find("--no-such-option") != std::string::npos);
    CHECK(rorqual_program({}).status == 2);
    CHECK(rorqual_program({"dance"}).status == 2);
    CHECK(run({"x", "--limit", "many"}).status == 2);
    CHECK(run({"x", "--cache", "f64"}).status == 2);
}

TEST_CASE("every command explains itself", "[cli]") {
    CHECK(rorqual_program({"--version"}).out.starts_with("rorqual "));
    for (const char* command : {"run", "inspect", "tokenize", "eval"}) {
        const auto ran = rorqual_program({command, "--help"});
        CAPTURE(command);
        CHECK(ran.status == 0);
        CHECK(ran.out.find("Usage: rorqual " + std::string(command)) != std::string::npos);
        CHECK(ran.err.empty());
    }
}
