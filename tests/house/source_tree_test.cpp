// The tests of the house stand on this reader: it must not overlook what it is asked to find.
#include <catch2/catch.hpp>

#include "house/source_tree.hpp"

using namespace rorqual::test;

TEST_CASE("comments and literals are left out of what the compiler acts on, everything else is kept", "[house]") {
    CHECK(without_prose("a; // abort()\nb;") == "a; \nb;");
    CHECK(without_prose("a /* abort() \n */ b") == "a  b");
    CHECK(without_prose("say(\"exit(1)\"); exit(2);") == "say(\"\"); exit(2);");
    CHECK(without_prose("say(\"\\\" exit(1)\"); x") == "say(\"\"); x");
    CHECK(without_prose("R\"(exit(\") )\" y") == "\"\" y");
    CHECK(without_prose("1'000'000 + '\"' + abort()") == "1'000'000 + '' + abort()");
    CHECK(without_prose("a // to the end") == "a ");
    CHECK(without_prose("a /* never closed").size() == 2);
}

TEST_CASE("includes are found with quotes and brackets and in guarded lines", "[house]") {
    const auto found = includes("#include <vector>\n  # include \"ops/run.hpp\"\n// #include <never>\n#include PATH\n");
    CHECK(found == std::vector<std::string>{"vector", "ops/run.hpp"});
}

TEST_CASE("parts of a path count from the root", "[house]") {
    const SourceFile source{"src/ops/matvec/matvec.cpp", ""};
    CHECK(source.part(0) == "src");
    CHECK(source.part(1) == "ops");
    CHECK(source.part(9).empty());
    CHECK(source.name() == "matvec.cpp");
}

TEST_CASE("the tree is read: the library's own files are among its code", "[house]") {
    const auto all = code({"src", "include"});
    const auto has = [&](std::string_view path) {
        return std::any_of(all.begin(), all.end(), [&](const SourceFile& source) { return source.path == path; });
    };
    CHECK(has("src/base/error.cpp"));
    CHECK(has("include/rorqual/rorqual.hpp"));
    CHECK(has("src/quant/formats.inc"));
}
