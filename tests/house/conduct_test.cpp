// How the library behaves in somebody else's process, and how its files are written.
#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "house/source_tree.hpp"

using namespace rorqual::test;

namespace {

const std::vector<std::string> library = {"src", "include", "capi"};
const std::vector<std::string> everything = {"src", "include", "capi", "examples", "tests", "bench"};

}  // namespace

TEST_CASE("the library never prints", "[house]") {
    for (const auto& source : code(library)) {
        CAPTURE(source.path);
        const auto text = without_prose(source.text);
        CHECK(matches(text, R"(\b(f|v|vf|d)?printf\s*\(|\b(f?puts|putchar|perror|fwrite)\s*\(|std::(cout|cerr|clog|print)\b|\bstd(out|err)\b)").empty());
        CHECK(matches(text, R"(#\s*include\s*<(iostream|cstdio|stdio\.h|print|syslog\.h)>)").empty());
    }
}

TEST_CASE("the library never ends the process", "[house]") {
    for (const auto& source : code(library)) {
        CAPTURE(source.path);
        const auto text = without_prose(source.text);
        CHECK(matches(text, R"((^|[^\w.>])(abort|exit|_exit|_Exit|quick_exit|terminate|raise|__builtin_trap|__builtin_unreachable)\s*\()").empty());
        CHECK(matches(text, R"((^|[^_\w])assert\s*\(|#\s*include\s*<(cassert|assert\.h)>)").empty());
    }
}

TEST_CASE("the library keeps no global state that changes", "[house]") {
    for (const auto& source : code(library)) {
        for (const auto& line : lines(without_prose(source.text))) {
            CAPTURE(source.path, line);
            const bool constant = !matches(line, R"(\b(const|constexpr|constinit const)\b)").empty();
            // Functions of internal linkage and member functions have a parenthesis before any '=' or ';'.
            CHECK((matches(line, R"(^\s*(inline |static )*(static|thread_local|inline thread_local)\s+[^()]*(=|;|\{))").empty() || constant));
        }
    }
}

TEST_CASE("the library reads no environment variable and starts no program", "[house]") {
    for (const auto& source : code(library)) {
        CAPTURE(source.path);
        CHECK(matches(without_prose(source.text), R"(\b(secure_)?getenv\s*\(|\b(system|popen|execve?|execvp|posix_spawn)\s*\(|\bsocket\s*\()").empty());
    }
}

TEST_CASE("nothing is left for later in the code", "[house]") {
    const std::string later =
        "TO"
        "DO|FIX"
        "ME|XX"
        "X|HA"
        "CK|not (yet )?implemen"
        "ted";
    for (const auto& source : code(everything)) {
        CAPTURE(source.path);
        CHECK(matches(source.text, "\\b(" + later + ")\\b").empty());
    }
}

TEST_CASE("no source file is longer than 800 lines", "[house]") {
    for (const auto& source : code(everything)) {
        if (source.has_suffix(".inc")) continue;  // tables made by a script
        CAPTURE(source.path);
        CHECK(lines(source.text).size() <= 800);
    }
}

TEST_CASE("every C++ header is guarded by #pragma once before its first line of code", "[house]") {
    for (const auto& source : code(everything)) {
        if (!source.has_suffix(".hpp")) continue;
        CAPTURE(source.path);
        const auto text = without_prose(source.text);
        const auto first = text.find_first_not_of(" \n");
        REQUIRE(first != std::string::npos);
        CHECK(text.compare(first, 12, "#pragma once") == 0);
    }
}

TEST_CASE("text files end with a newline and have no tabs or trailing blanks", "[house]") {
    auto files = code(everything);
    for (const auto& more : {files_under("src", {"CMakeLists.txt"}), files_under("cmake", {".cmake"}), files_under("docs", {".md"})}) {
        files.insert(files.end(), more.begin(), more.end());
    }
    for (const auto& source : files) {
        if (source.text.empty()) continue;
        CAPTURE(source.path);
        CHECK(source.text.back() == '\n');
        CHECK(source.text.find('\t') == std::string::npos);
        CHECK(source.text.find('\r') == std::string::npos);
        CHECK(source.text.find(" \n") == std::string::npos);
    }
}

TEST_CASE("no build file asks for this machine's instruction set, loose arithmetic or OpenMP", "[house]") {
    auto files = files_under("src", {"CMakeLists.txt"});
    for (const auto& folder : {"capi", "examples", "tests", "bench", "cmake"}) {
        for (const auto& more : files_under(folder, {"CMakeLists.txt", ".cmake"})) files.push_back(more);
    }
    files.push_back(file("CMakeLists.txt"));
    files.push_back(file("CMakePresets.json"));
    for (const auto& source : files) {
        CAPTURE(source.path);
        CHECK(matches(source.text, "march=native|ffast-math|fopenmp|Ofast|find_package\\(OpenMP|FetchContent|ExternalProject").empty());
    }
}
