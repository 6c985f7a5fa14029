#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>

#include "cli/program.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

TEST_CASE("synth writes a file and says in one line what it wrote", "[cli][synth]") {
    const TempFolder folder;
    const auto path = (folder / "m.gguf").string();
    const auto ran = rorqual_program({"synth", "--geometry", "v2-tiny", "--format", "q8_0", "--layers", "2", "--seed", "3", "-o", path});
    CHECK(ran.status == 0);
    CHECK(ran.out.empty());
    CHECK(lines_of(ran.err) == 1);
    CHECK(ran.err.find(path) != std::string::npos);
    CHECK(std::filesystem::file_size(path) > 1'000'000);
}

TEST_CASE("synth needs a file to write, and names a format or geometry it does not know", "[cli][synth]") {
    const TempFolder folder;
    const auto path = (folder / "m.gguf").string();
    CHECK(rorqual_program({"synth"}).status == 2);
    CHECK(rorqual_program({"synth", "--latent", "none", "-o", path}).status == 2);
    for (const auto& [option, value] : {std::pair("--format", "q9"), std::pair("--geometry", "v9")}) {
        const auto ran = rorqual_program({"synth", option, value, "-o", path});
        CHECK(ran.status == 1);
        CHECK(lines_of(ran.err) == 1);
        CHECK(ran.err.find(value) != std::string::npos);
    }
    CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("Ctrl-C ends synth with 130 and leaves no file", "[cli][synth]") {
    const TempFolder folder;
    Program program({RQ_PROGRAM, "synth", "-o", (folder / "m.gguf").string()});  // 10 GB: it will not be done
    while (std::filesystem::is_empty(folder.path())) {
    }
    program.signal(SIGINT);
    CHECK(program.wait().status == 130);
    CHECK(std::filesystem::is_empty(folder.path()));
}
