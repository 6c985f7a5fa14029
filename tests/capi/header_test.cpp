// rorqual.h is plain enough for every compiler and says what a caller needs to know.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "capi/header.hpp"
#include "support/temp_folder.hpp"

using namespace rorqual::test;

namespace {

struct Compiler {
    std::string command;
    std::string language;
    std::vector<std::string> standards;
};

std::vector<std::string> words(const std::string& list) { return all_matches(list, R"((\S+))"); }

std::vector<Compiler> compilers() {
    std::vector<Compiler> found;
    for (const auto& c : words(RQ_C_COMPILERS)) found.push_back({c, "c", {"c89", "c99", "c11", "c17", "c2x"}});
    for (const auto& c : words(RQ_CXX_COMPILERS)) found.push_back({c, "c++", {"c++98", "c++11", "c++14", "c++17", "c++20", "c++2b"}});
    return found;
}

// What the compiler said; empty = it was content.
std::string complaints(const std::string& command) {
    const TempFolder folder;
    const std::string log = (folder / "log").string();
    const int status = std::system((command + " > '" + log + "' 2>&1").c_str());
    std::ifstream in(log);
    std::string said{std::istreambuf_iterator<char>(in), {}};
    if (status != 0 && said.empty()) said = "exit status " + std::to_string(status);
    return said;
}

const std::string probe = std::string("-I'" RQ_SOURCE_DIR "/capi/include' '") + RQ_SOURCE_DIR "/tests/capi/header_probe.c'";

}  // namespace

TEST_CASE("rorqual.h compiles alone and twice as C89 to C23 and C++98 to C++23 without a warning", "[capi][header]") {
    for (const auto& compiler : compilers()) {
        for (const auto& standard : compiler.standards) {
            for (const char* unstable : {"", " -DRQ_ENABLE_UNSTABLE"}) {
                CAPTURE(compiler.command, standard, unstable);
                CHECK(complaints("'" + compiler.command + "' -x " + compiler.language + " -std=" + standard + unstable +
                                 " -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -fsyntax-only " + probe) == "");
            }
        }
    }
}

TEST_CASE("every part of rorqual.h compiles alone and rorqual.h has them all", "[capi][header]") {
    const auto parts = header_parts();
    std::size_t files = 0;
    for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(RQ_SOURCE_DIR "/capi/include/rorqual/c")) ++files;
    CHECK(parts.size() == files);
    for (const auto& compiler : compilers()) {
        for (const auto& part : parts) {
            CAPTURE(compiler.command, part);
            CHECK(complaints("'" + compiler.command + "' -x " + compiler.language + " -DRQ_ENABLE_UNSTABLE -Wall -Wextra -Wpedantic -Werror -fsyntax-only -include '" +
                             RQ_SOURCE_DIR "/capi/include/rorqual/" + part + "' /dev/null") == "");
        }
    }
}

TEST_CASE("no struct of rorqual.h has padding that is not spelled out, on any data model", "[capi][header]") {
    // clang knows the layouts of processors it does not run on: 64 and 32 bits, either byte order, WebAssembly.
    const std::string clang = RQ_CLANG;
    if (clang.empty()) {
        WARN("clang is not installed: only this machine's layout is checked");
        CHECK(complaints("'" + words(RQ_C_COMPILERS).front() + "' -Wpadded -Werror -DRQ_ENABLE_UNSTABLE -fsyntax-only " + probe) == "");
        return;
    }
    for (const char* target : {"x86_64-linux-gnu", "aarch64-linux-gnu", "i386-linux-gnu", "armv7-linux-gnueabihf", "wasm32",
                               "powerpc64-linux-gnu", "riscv64-linux-gnu"}) {
        CAPTURE(target);
        CHECK(complaints("'" + clang + "' --target=" + target +
                         " -ffreestanding -nostdlibinc -Wpadded -Werror -DRQ_ENABLE_UNSTABLE -fsyntax-only " + probe) == "");
    }
}

TEST_CASE("rorqual.h defines nothing but names that begin with rq_ or RQ_", "[capi][header]") {
    const std::string text = header_text();
    for (const auto& macro : all_matches(text, R"(^\s*#\s*define\s+(\w+))")) {
        CAPTURE(macro);
        CHECK(macro.starts_with("RQ_"));
    }
    for (const auto& name : all_matches(text, R"(^typedef\s[^;{]*?\b(\w+);)")) {
        CAPTURE(name);
        CHECK(name.starts_with("rq_"));
    }
    CHECK(all_matches(text, R"(^#include (<[^>]+>))") == std::vector<std::string>{"<stddef.h>", "<stdint.h>"});
}

TEST_CASE("rorqual.h uses no type whose size a compiler may choose", "[capi][header]") {
    std::string text = std::regex_replace(header_text(), std::regex(R"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)"), "");
    text = std::regex_replace(text, std::regex("extern \"C\""), "");
    for (const char* type : {"enum", "bool", "long", "short", "int", "unsigned", "signed", "wchar_t", "union"}) {
        CAPTURE(type);
        CHECK(all_matches(text, "\\b(" + std::string(type) + ")\\b").empty());
    }
}

TEST_CASE("every function of rorqual.h says its thread rule and since when it is there", "[capi][header]") {
    const std::string text = header_text();
    const auto names = functions_of(text);
    REQUIRE(names.size() > 50);
    for (const auto& name : names) {
        CAPTURE(name);
        std::smatch declaration;
        REQUIRE(std::regex_search(text, declaration, std::regex("(^|\n)RQ_API [^;(]*\\b" + name + "\\(")));
        const auto declared = static_cast<std::size_t>(declaration.position());
        const auto end = text.rfind("*/", declared);
        const auto begin = text.rfind("/*", end);
        REQUIRE(begin != std::string::npos);
        const std::string comment = text.substr(begin, end - begin);
        CHECK(comment.find("Thread: ") != std::string::npos);
        CHECK(comment.find("Since 0.1") != std::string::npos);
        CHECK(text.find(';', end) > declared);  // no other declaration between the comment and the function
        if (name.ends_with("_free")) CHECK(comment.find("NULL is fine; cannot fail.") != std::string::npos);
    }
}

TEST_CASE("every public struct begins with struct_size and has an initialiser of its own", "[capi][header]") {
    const std::string text = header_text();
    const auto structs = structs_of(text);
    REQUIRE(structs.size() > 10);
    const std::string probe_text = read_repository_file("tests/capi/header_probe.c");
    for (const auto& name : structs) {
        CAPTURE(name);
        const auto body = text.find("typedef struct " + name + " {");
        CHECK(text.find("uint32_t struct_size;", body) < text.find(';', body) + 1);
        CHECK(text.find("{ sizeof(" + name + ")") != std::string::npos);
        CHECK(probe_text.find("\n" + name + " probe_") != std::string::npos);
    }
}
