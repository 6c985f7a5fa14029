#include "weights/problems.hpp"

#include <catch2/catch.hpp>

#include "support/outcome.hpp"

using namespace rorqual;
using test::outcome_of;

TEST_CASE("no problem throws nothing", "[weights]") {
    const weights::Problems problems;
    CHECK(problems.empty());
    CHECK(outcome_of([&] { problems.throw_if_any(); }).ok());
}

TEST_CASE("all problems are told in one error with the status of the first", "[weights]") {
    weights::Problems problems;
    problems.add(Status::not_found, "a: missing");
    problems.add(Status::corrupt, "b: wrong");
    const auto outcome = outcome_of([&] { problems.throw_if_any(); });
    CHECK(outcome.status == Status::not_found);
    CHECK(outcome.line == "a: missing; b: wrong");
    CHECK(problems.lines().size() == 2);
}

TEST_CASE("beyond eight problems the error says how many more there are", "[weights]") {
    weights::Problems problems;
    for (int i = 0; i < 8; ++i) problems.add(Status::corrupt, std::to_string(i));
    CHECK(outcome_of([&] { problems.throw_if_any(); }).line == "0; 1; 2; 3; 4; 5; 6; 7");
    for (int i = 8; i < 11; ++i) problems.add(Status::corrupt, std::to_string(i));
    CHECK(outcome_of([&] { problems.throw_if_any(); }).line == "0; 1; 2; 3; 4; 5; 6; 7; and 3 more problems");
    CHECK(problems.lines().size() == 11);
}
