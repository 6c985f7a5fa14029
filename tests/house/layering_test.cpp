// ARCHITECTURE.md draws the house; these tests read the drawing and hold the code to it.
#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "house/source_tree.hpp"

using namespace rorqual::test;

namespace {

using Folders = std::set<std::string>;

/// Rows of the table "folder | may include | may use" of ARCHITECTURE.md.
struct Rule {
    Folders includes;   ///< folders of src
    Folders libraries;  ///< third-party libraries
};

Folders words_in_backticks(const std::string& cell) {
    const auto found = matches(cell, "`([^`]+)`");
    return {found.begin(), found.end()};
}

std::map<std::string, Rule> rules() {
    std::map<std::string, Rule> found;
    bool in_table = false;
    for (const auto& line : lines(file("ARCHITECTURE.md").text)) {
        if (line.starts_with("| folder | may include |")) in_table = true;
        if (!line.starts_with("|")) in_table = false;
        if (!in_table || !line.starts_with("| `")) continue;
        const auto cells = matches(line, R"(\|\s*([^|]*[^|\s])?\s*(?=\|))");
        REQUIRE(cells.size() >= 3);
        const auto name = matches(cells[0], "`([^`]+)`");
        REQUIRE(name.size() == 1);
        found[name[0]] = {words_in_backticks(cells[1]), words_in_backticks(cells[2])};
    }
    return found;
}

/// Headers of third-party libraries, by how their include begins.
const std::map<std::string, std::string> third_parties = {
    {"nlohmann/", "nlohmann-json"},
    {"Eigen/", "Eigen"},
    {"oneapi/", "oneDNN"},
    {"dnnl", "oneDNN"},
    {"xxhash", "xxHash"},
    {"pcre2", "PCRE2"},
    {"utf8proc", "utf8proc"},
    {"CLI/", "CLI11"},
};

std::string library_of(const std::string& include) {
    for (const auto& [start, library] : third_parties) {
        if (include.starts_with(start)) return library;
    }
    return {};
}

/// The folders that src/CMakeLists.txt makes the library of.
std::set<std::string> folders_of_src() {
    const auto list = matches(file("src/CMakeLists.txt").text, R"(set\(RQ_SOURCE_FOLDERS ([^)$]+)\))");
    REQUIRE(list.size() == 1);
    const auto names = matches(list[0], R"(\w+)");
    return {names.begin(), names.end()};
}

std::string first_part(const std::string& include) { return include.substr(0, include.find('/')); }

}  // namespace

TEST_CASE("every folder of src has its row in the table of ARCHITECTURE.md, and every row its folder", "[house]") {
    std::set<std::string> drawn;
    for (const auto& [folder, rule] : rules()) drawn.insert(folder);
    CHECK(drawn == folders_of_src());
}

TEST_CASE("the table of ARCHITECTURE.md draws no circle", "[house]") {
    auto left = rules();
    while (!left.empty()) {
        const auto leaf = std::find_if(left.begin(), left.end(), [&](const auto& entry) {
            return std::none_of(entry.second.includes.begin(), entry.second.includes.end(),
                                [&](const auto& other) { return left.contains(other); });
        });
        CAPTURE(left.begin()->first);
        REQUIRE(leaf != left.end());
        left.erase(leaf);
    }
}

TEST_CASE("a folder of src includes only the folders and libraries that ARCHITECTURE.md allows it", "[house]") {
    const auto table = rules();
    const auto folders = folders_of_src();
    for (const auto& source : code({"src"})) {
        const auto folder = source.part(1);
        const auto rule = table.find(folder);
        if (rule == table.end()) continue;  // a missing row is found above
        for (const auto& include : includes(source.text)) {
            CAPTURE(source.path, include);
            const auto target = first_part(include);
            if (folders.contains(target) && target != folder) CHECK(rule->second.includes.contains(target));
            if (const auto library = library_of(include); !library.empty()) CHECK(rule->second.libraries.contains(library));
            CHECK_FALSE(target == "capi");
        }
    }
}

TEST_CASE("public headers include public headers and the standard library only", "[house]") {
    for (const auto& source : code({"include"})) {
        for (const auto& include : includes(source.text)) {
            CAPTURE(source.path, include);
            const bool standard = include.find('/') == std::string::npos && include.find('.') == std::string::npos;
            CHECK((standard || include.starts_with("rorqual/")));
        }
    }
}

TEST_CASE("the C ABI is built on the public C++ headers alone", "[house]") {
    const auto own = folders_of_src();
    for (const auto& source : code({"capi"})) {
        for (const auto& include : includes(source.text)) {
            CAPTURE(source.path, include);
            CHECK_FALSE((include.find('/') != std::string::npos && own.contains(first_part(include))));
            CHECK(library_of(include).empty());
        }
    }
}

TEST_CASE("examples and the rorqual program see the public headers alone, the program rorqual.h alone", "[house]") {
    const auto own = folders_of_src();
    for (const auto& source : code({"examples"})) {
        for (const auto& include : includes(source.text)) {
            CAPTURE(source.path, include);
            CHECK_FALSE((include.find('/') != std::string::npos && own.contains(first_part(include))));
            if (source.is_under("examples/cli/") && include.starts_with("rorqual")) {
                CHECK((include == "rorqual.h" || include == "rorqual/rorqual.h"));
            }
        }
    }
}

TEST_CASE("nothing below families names a family", "[house]") {
    std::set<std::string> families;
    for (const auto& entry : std::filesystem::directory_iterator(root() / "src/families")) {
        if (entry.is_directory()) families.insert(entry.path().filename().string());
    }
    REQUIRE_FALSE(families.empty());
    for (const auto& folder : {"base", "quant", "cpu", "io", "weights", "ops", "layers", "sampling"}) {
        for (const auto& source : code({std::string("src/") + folder})) {
            std::string text;  // names in string literals count, names in comments do not
            for (const auto& line : lines(source.text)) text += line.substr(0, line.find("//")) + "\n";
            for (const auto& family : families) {
                CAPTURE(source.path, family);
                CHECK(text.find(family) == std::string::npos);
            }
        }
    }
}

TEST_CASE("instruction sets are named where kernels are, their flags in cmake/isa_sources.cmake only", "[house]") {
    const std::set<std::string> with_kernels = {"ops", "quant", "panels", "cpu"};
    for (const auto& source : code({"src", "include", "capi", "examples"})) {
        if (source.is_under("src/") && with_kernels.contains(source.part(1))) continue;
        CAPTURE(source.path);
        CHECK(matches(source.text, R"(\bx86_|\barm64_|immintrin|arm_neon|_mm(256|512)?_)").empty());
    }
    auto build_files = files_under("src", {"CMakeLists.txt"});
    build_files.push_back(file("CMakeLists.txt"));
    build_files.push_back(file("cmake/warnings.cmake"));
    build_files.push_back(file("cmake/dependencies.cmake"));
    for (const auto& source : build_files) {
        CAPTURE(source.path);
        CHECK(matches(source.text, R"(-m(avx|fma|f16c|bmi|sse|arch|tune|cpu)\w*)").empty());
    }
}

TEST_CASE("every source file of the library stands in the build", "[house]") {
    for (const auto& folder : folders_of_src()) {
        std::string build;
        for (const auto& list : files_under("src/" + folder, {"CMakeLists.txt"})) build += list.text;
        for (const auto& source : files_under("src/" + folder, {".cpp"})) {
            CAPTURE(source.path);
            const auto below = source.path.substr(("src/" + folder + "/").size());
            CHECK((build.find(below) != std::string::npos || build.find(source.name()) != std::string::npos));
        }
    }
}
