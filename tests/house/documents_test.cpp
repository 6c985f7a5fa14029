// Documents say what is: their links, commands, versions and lists are compared with the tree.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "house/source_tree.hpp"

using namespace rorqual::test;
namespace fs = std::filesystem;

namespace {

std::vector<SourceFile> documents() {
    std::vector<SourceFile> found = files_under("docs", {".md"});
    for (const auto& entry : fs::directory_iterator(root())) {
        if (entry.path().extension() == ".md") found.push_back(file(entry.path().filename().string()));
    }
    for (const auto& more : files_under("examples", {".md"})) found.push_back(more);
    return found;
}

/// The text of a fenced block of a language: ```cpp … ```. Empty where there is none.
std::string fenced(const std::string& markdown, const std::string& language) {
    const auto start = "\n```" + language + "\n";
    const auto open = markdown.find(start);
    if (open == std::string::npos) return {};
    const auto first = open + start.size();
    return markdown.substr(first, markdown.find("\n```", first) + 1 - first);
}

struct Package {
    std::string groups, name, why;  ///< groups: what needs it, separated by commas
};

std::vector<Package> packages() {
    std::vector<Package> found;
    for (const auto& line : lines(file("packages.txt").text)) {
        if (line.empty() || line.starts_with("#")) continue;
        const auto fields = matches(line, R"(\S+)");
        CAPTURE(line);
        REQUIRE(fields.size() >= 4);
        REQUIRE(fields[2] == "#");
        found.push_back({fields[0], fields[1], line.substr(line.find('#') + 1)});
    }
    return found;
}

}  // namespace

TEST_CASE("every link between documents leads to a file", "[house]") {
    for (const auto& document : documents()) {
        const auto folder = (root() / document.path).parent_path();
        for (const auto& target : matches(document.text, R"(\]\(([^)#\s]+)[^)]*\))")) {
            if (target.find("://") != std::string::npos) continue;
            CAPTURE(document.path, target);
            CHECK(fs::exists(folder / target));
        }
    }
}

TEST_CASE("every path of the tree that a document names in backticks exists", "[house]") {
    const std::string path = R"(`((?:src|include|capi|bindings|examples|tests|bench|cmake|docs|\.ci)/[\w./-]*[\w/])`)";
    for (const auto& document : documents()) {
        if (document.name() == "CHANGELOG.md") continue;  // tells of the past
        for (const auto& named : matches(document.text, path)) {
            CAPTURE(document.path, named);
            CHECK(fs::exists(root() / named));
        }
    }
}

TEST_CASE("every ./dev command that a document names is one that ./dev help lists", "[house]") {
    const auto script = file("dev").text;
    const auto listed = matches(script, R"(\n\./dev (\w+) )");
    REQUIRE(listed.size() >= 6);
    const std::set<std::string> known(listed.begin(), listed.end());
    for (const auto& document : documents()) {
        for (const auto& command : matches(document.text, R"(\./dev (\w+))")) {
            CAPTURE(document.path, command);
            CHECK(known.contains(command));
        }
    }
}

TEST_CASE("the programs of the README are the ones that are built and tested", "[house]") {
    const auto readme = file("README.md").text;
    CHECK(fenced(readme, "c") == file("examples/hello.c").text);
    CHECK(fenced(readme, "cpp") == file("examples/hello.cpp").text);
    CHECK(fenced(readme, "rust") == file("bindings/rust/rorqual/examples/hello.rs").text);
}

TEST_CASE("every Debian package stands in one line of packages.txt, once, with the reason", "[house]") {
    std::set<std::string> names;
    const std::set<std::string> groups = {"build", "test", "rust", "bench", "aarch64", "wasm", "abi", "format", "tidy"};
    for (const auto& package : packages()) {
        CAPTURE(package.name);
        for (const auto& group : matches(package.groups, "[^,]+")) CHECK(groups.contains(group));
        CHECK(names.insert(package.name).second);
        CHECK(package.why.size() > 3);
    }
    CHECK(names.contains("g++"));
}

TEST_CASE("the documents name no Debian package that packages.txt lacks, and none is installed from elsewhere", "[house]") {
    const auto list = packages();
    for (const auto& document : documents()) {
        for (const auto& named : matches(document.text, R"(`(lib[a-z0-9-]+-dev)`)")) {
            CAPTURE(document.path, named);
            CHECK(std::any_of(list.begin(), list.end(), [&](const Package& package) { return package.name == named; }));
        }
    }
    CHECK(matches(file("dev").text, R"((pip|npm|curl|wget|cargo) )").empty());
}

TEST_CASE("one version stands in the build, the C header, the changelog, the crates and the recipes of packages", "[house]") {
    const auto version = matches(file("CMakeLists.txt").text, R"(project\(rorqual VERSION (\d+\.\d+\.\d+))");
    REQUIRE(version.size() == 1);
    const auto header = file("capi/include/rorqual/c/common.h").text;
    std::string in_header;
    for (const auto& part : {"MAJOR", "MINOR", "PATCH"}) {
        const auto found = matches(header, std::string(R"(#define RQ_VERSION_)") + part + R"(\s+(\d+))");
        REQUIRE(found.size() == 1);
        in_header += (in_header.empty() ? "" : ".") + found[0];
    }
    CHECK(in_header == version[0]);
    const auto headings = matches(file("CHANGELOG.md").text, R"(\n## \[(\d+\.\d+\.\d+)\])");
    REQUIRE_FALSE(headings.empty());
    CHECK(headings[0] == version[0]);
    for (const char* crate : {"rorqual", "rorqual-sys"}) {
        CHECK(matches(file(std::string("bindings/rust/") + crate + "/Cargo.toml").text, R"x(\nversion = "(.*)")x") == version);
    }
    CHECK(matches(file("cmake/packaging/vcpkg/rorqual/vcpkg.json").text, R"rx("version": "(.*)")rx") == version);
    CHECK(matches(file("cmake/packaging/conan/conanfile.py").text, R"x(\n    version = "(.*)")x") == version);
}

TEST_CASE("decisions are numbered without a gap and say context, choice, alternatives and consequences", "[house]") {
    const auto records = files_under("docs/decisions", {".md"});
    REQUIRE_FALSE(records.empty());
    for (std::size_t i = 0; i < records.size(); ++i) {
        CAPTURE(records[i].path);
        auto number = std::to_string(i + 1);
        number.insert(0, 4 - number.size(), '0');
        CHECK(records[i].name().starts_with(number + "-"));
        for (const auto& heading : {"## Context", "## Choice", "## Alternatives", "## Consequences"}) {
            CAPTURE(heading);
            CHECK(records[i].text.find(heading) != std::string::npos);
        }
    }
}

TEST_CASE("no file names a folder of somebody's machine", "[house]") {
    const std::string private_path = R"((^|[\s"'(=])/(ho)"
                                     R"(me|wo)"
                                     R"(rk|Us)"
                                     R"(ers|ro)"
                                     R"(ot)/\w)";
    auto files = documents();
    for (const auto& source : code({"src", "include", "capi", "examples", "tests", "bench"})) files.push_back(source);
    for (const auto& name : {"dev", ".ci/run", "CMakeLists.txt", "CMakePresets.json"}) files.push_back(file(name));
    for (const auto& source : files) {
        CAPTURE(source.path);
        CHECK(matches(source.text, private_path).empty());
    }
}

TEST_CASE("the repository stays under 60 MB", "[house]") {
    std::uintmax_t bytes = 0;
    for (auto at = fs::recursive_directory_iterator(root()); at != fs::recursive_directory_iterator(); ++at) {
        const auto name = at->path().filename();
        if (name == "target" || (at.depth() == 0 && (name == ".git" || name == "build" || name == ".cache")))  // "target": what cargo builds
            at.disable_recursion_pending();
        else if (at->is_regular_file())
            bytes += at->file_size();
    }
    CHECK(bytes < 60'000'000);
}
