// A plain C program beside the library, as others build them.
#include <sys/wait.h>

#include <cstdio>

#include "capi/support.hpp"

using namespace rorqual::test;

namespace {

struct Ran {
    std::string output;
    int status = -1;
};

Ran run(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Ran ran;
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe)) != 0;) ran.output.append(buffer, n);
    const int status = ::pclose(pipe);
    if (WIFEXITED(status)) ran.status = WEXITSTATUS(status);
    return ran;
}

}  // namespace

TEST_CASE("a C89 program opens a model and generates what this program generates, with the shared library and the archive", "[capi][client]") {
    const auto session = session_on(tale());
    append(session.get(), prompt_ids("Once upon a time"));
    rq_generation_options options = RQ_GENERATION_OPTIONS_INIT;
    options.limit = 30;
    const std::string expected = take_all(generate_on(session.get(), &options).get()).text;
    REQUIRE(expected.size() > 30);
    for (const char* client : {RQ_CLIENT_SHARED, RQ_CLIENT_STATIC}) {
        CAPTURE(client);
        const auto ran = run("'" + std::string(client) + "' '" + tale_folder().string() + "' 'Once upon a time' 30");
        CHECK(ran.status == 0);
        CHECK(ran.output == expected);
    }
}

TEST_CASE("a C89 program that names no model gets a status and a line", "[capi][client]") {
    const auto ran = run("'" RQ_CLIENT_SHARED "' /nowhere/at/all x 1 2>&1");
    CHECK(ran.status == RQ_ERR_NOT_FOUND);
    CHECK(ran.output.starts_with("not_found: "));
    CHECK(ran.output.find("/nowhere/at/all") != std::string::npos);
}
