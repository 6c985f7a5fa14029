// What the shared library shows to others and asks of them.
#include <catch2/catch.hpp>

#include <cstdio>
#include <map>
#include <memory>
#include <sstream>
#include <string>

#include "capi/header.hpp"

using namespace rorqual::test;

namespace {

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "r"), ::pclose);
    if (!pipe) throw std::runtime_error("cannot run " + command);
    std::string text;
    char buffer[4096];
    for (std::size_t n; (n = std::fread(buffer, 1, sizeof buffer, pipe.get())) != 0;) text.append(buffer, n);
    return text;
}

const std::string library = RQ_LIBRARY;

std::string readelf(const std::string& options) { return output_of("LC_ALL=C '" RQ_READELF "' -W " + options + " '" + library + "'"); }

std::string nm(const std::string& options) { return output_of("LC_ALL=C '" RQ_NM "' -D " + options + " '" + library + "'"); }

// name → version node
std::map<std::string, std::string> exported() {
    std::map<std::string, std::string> found;
    std::istringstream lines(nm("--defined-only --with-symbol-versions"));
    for (std::string address, type, name; lines >> address >> type >> name;) {
        if (type == "A") continue;  // the version nodes themselves
        const auto at = name.find('@');
        found[name.substr(0, at)] = at == std::string::npos ? "" : name.substr(name.find_last_of('@') + 1);
    }
    return found;
}

std::map<std::string, std::string> promised() {
    std::map<std::string, std::string> found;
    std::istringstream lines(read_repository_file("capi/symbols-in-versions"));
    for (std::string line; std::getline(lines, line);) {
        if (line.empty() || line[0] == '#') continue;
        std::istringstream words(line);
        std::string name, introduced, deprecated, last;
        words >> name >> introduced >> deprecated >> last;
        found[name] = last == "unstable" ? "RORQUAL_UNSTABLE" : "RORQUAL_" + introduced;
    }
    return found;
}

}  // namespace

TEST_CASE("symbols-in-versions lists exactly the functions of rorqual.h", "[capi][symbols]") {
    std::map<std::string, std::string> header;
    for (const auto& name : functions_of(stable_section())) header[name] = "RORQUAL_0.1";
    for (const auto& name : functions_of(unstable_section())) header[name] = "RORQUAL_UNSTABLE";
    CHECK(promised() == header);
}

TEST_CASE("the shared library exports exactly the names in symbols-in-versions, each in its version", "[capi][symbols]") {
    CHECK(exported() == promised());
}

TEST_CASE("the archive shows exactly the names in symbols-in-versions: everything else in it is local", "[capi][symbols]") {
    if (RQ_SANITIZED) return;  // there it is left as it was compiled
    std::set<std::string> shown, listed;
    std::istringstream lines(output_of("LC_ALL=C '" RQ_NM "' --extern-only --defined-only --no-sort '" RQ_ARCHIVE "' | grep ' '"));
    for (std::string address, type, name; lines >> address >> type >> name;) shown.insert(name);
    for (const auto& [name, node] : promised()) listed.insert(name);
    CHECK(shown == listed);
}

TEST_CASE("the version script names every export: its only wildcard hides the rest", "[capi][symbols]") {
    const std::string map = std::regex_replace(read_repository_file("capi/rorqual.map"), std::regex(R"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)"), "");
    CHECK(all_matches(map, R"((\S*[*?\[]\S*);)") == std::vector<std::string>{"*"});
    CHECK(map.find("local:\n    *;") != std::string::npos);
}

TEST_CASE("the soname is librorqual.so.1", "[capi][symbols]") {
    CHECK(all_matches(readelf("-d"), R"(\(SONAME\).*\[(.*)\])") == std::vector<std::string>{"librorqual.so.1"});
}

TEST_CASE("the shared library needs nothing beyond the list of allowed libraries", "[capi][symbols]") {
    const auto listed = all_matches(read_repository_file("capi/needed-libraries"), R"(^([^#\s]\S*))");
    const std::set<std::string> allowed(listed.begin(), listed.end());
    const auto needed = all_matches(readelf("-d"), R"(\(NEEDED\).*\[(.*)\])");
    REQUIRE_FALSE(needed.empty());
    for (const auto& name : needed) {
        if (RQ_SANITIZED && (name.starts_with("libasan") || name.starts_with("libubsan") || name.starts_with("libtsan"))) continue;
        CAPTURE(name);
        CHECK(allowed.contains(name));
    }
}

TEST_CASE("the shared library has read-only relocations, no executable stack and 16 KB segments", "[capi][symbols]") {
    const std::string segments = readelf("-l");
    CHECK(all_matches(segments, "(GNU_RELRO)").size() == 1);
    const auto stack = all_matches(segments, R"(GNU_STACK.*\s(RWE?)\s)");
    CHECK(stack == std::vector<std::string>{"RW"});
    const auto alignments = all_matches(segments, R"(^\s*LOAD\s.*\s(0x[0-9a-f]+)\s*$)");
    REQUIRE_FALSE(alignments.empty());
    for (const auto& alignment : alignments) CHECK(std::stoul(alignment, nullptr, 16) % 16384 == 0);
    CHECK(readelf("-d").find("BIND_NOW") != std::string::npos);
}

TEST_CASE("the shared library calls nothing that prints, ends or changes the process", "[capi][symbols]") {
    if (RQ_SANITIZED) return;  // sanitizers print and end: that is their work
    std::set<std::string> used;
    for (const auto& name : all_matches(nm("--undefined-only"), R"(\s[Uw]\s(\w+))")) used.insert(name);
    REQUIRE(used.size() > 20);
    for (const char* name : {"printf", "fprintf", "vfprintf", "puts", "putchar", "fputs", "fwrite", "perror", "syslog", "__printf_chk",
                             "__fprintf_chk", "_ZSt4cout", "_ZSt4cerr", "_ZSt4clog", "stdout", "stderr", "abort", "exit", "_exit", "quick_exit",
                             "raise", "kill", "__assert_fail", "signal", "sigaction", "setlocale", "setenv", "putenv",
                             "getenv", "secure_getenv", "atexit", "fesetround", "chdir", "umask", "system", "fork", "execve", "socket"}) {
        CAPTURE(name);
        CHECK_FALSE(used.contains(name));
    }
}

TEST_CASE("the shared library has no variable that others could see, and no symbol of another library", "[capi][symbols]") {
    for (const auto& [name, node] : exported()) {
        CAPTURE(name);
        CHECK(name.starts_with("rq_"));
    }
    for (const auto& type : all_matches(nm("--defined-only"), R"(^\S+ (\w) )")) CHECK((type == "T" || type == "A"));
}
