#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include "cli/program.hpp"

using namespace rorqual::test;
using Json = nlohmann::json;

TEST_CASE("bench prints a line for each test, with the machine's own rates above them", "[cli][bench]") {
    const auto ran = rorqual_program({"bench", tale.string(), "--prefill", "8,20", "--decode", "5", "--tokens", "3", "--repetitions", "1"});
    CAPTURE(ran.err);
    REQUIRE(ran.status == 0);
    CHECK(ran.err.empty());
    CHECK(lines_of(ran.out) == 5 + 3);
    for (const char* part : {"machine  reads ", " GB/s", "int8 GMAC/s", "prefill       8        0", "prefill      20        0", "decode        3        5"}) {
        CAPTURE(part);
        CHECK(ran.out.find(part) != std::string::npos);
    }
}

TEST_CASE("bench --json gives every run, its median and spread, and what each is of the machine's rate", "[cli][bench]") {
    const auto ran = rorqual_program({"bench", tale.string(), "--prefill", "16", "--decode", "40,0", "--tokens", "4", "--repetitions", "3", "--threads", "1", "--mode", "exact", "--json"});
    REQUIRE(ran.status == 0);
    const Json report = Json::parse(ran.out);
    CHECK(report["program"] == "rorqual");
    CHECK(report["mode"] == "exact");
    CHECK(report["machine"]["threads"] == 1);
    for (const char* rate : {"read_bytes_per_second", "int8_macs_per_second", "f32_operations_per_second"}) CHECK(report["machine"][rate] > 1e8);
    CHECK(report["resident_bytes"] > 0);
    CHECK(report["peak_resident_bytes"] >= report["resident_bytes"]);
    // Of the tale's 16 experts 4 are read for a token, and one row of the embedding: less than the file, more than a quarter of it.
    CHECK(report["model"]["bytes_per_token"] < report["model"]["weights_bytes"]);
    CHECK(report["model"]["bytes_per_token"].get<double>() > 0.25 * report["model"]["weights_bytes"].get<double>());
    const Json& tests = report["tests"];
    REQUIRE(tests.size() == 3);
    CHECK(tests[0]["test"] == "prefill");
    CHECK((tests[1]["context"] == 0 && tests[2]["context"] == 40));  // ascending: each context grows out of the one before
    for (const Json& test : tests) {
        auto runs = test["runs"].get<std::vector<double>>();
        REQUIRE(runs.size() == 3);
        std::sort(runs.begin(), runs.end());
        CHECK(runs.front() > 0);
        CHECK(test["tokens_per_second"] == runs[1]);
        CHECK(test["spread"].get<double>() == Approx((runs[2] - runs[0]) / runs[1]));
        const char* of = test["test"] == "prefill" ? "of_f32_rate" : "of_read_rate";
        CHECK(test[of] > 0);
    }
}

TEST_CASE("bench refuses tests that make no sense", "[cli][bench]") {
    CHECK(rorqual_program({"bench", tale.string(), "--repetitions", "0"}).status == 2);
    CHECK(rorqual_program({"bench", tale.string(), "--prefill", "0"}).status == 2);
    CHECK(rorqual_program({"bench", tale.string(), "--decode", "-1"}).status == 2);
    const auto beyond = rorqual_program({"bench", tale.string(), "--prefill", "4096", "--no-decode"});  // the tale's context is 2048
    CHECK(beyond.status == 1);
    CHECK(lines_of(beyond.err) == 1);
    CHECK(beyond.err.find("context") != std::string::npos);
}
