#pragma once

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>
#include <string>

#include "families/network.hpp"
#include "support/outcome.hpp"

namespace rorqual::test {

/// What a family reads from a config.json; throws what it complains of.
template <class ReadConfig>
[[nodiscard]] auto config_read_by(const ReadConfig& read_config, const nlohmann::json& config) {
    weights::Problems problems;
    auto read = read_config(config, "config.json", problems);
    problems.throw_if_any();
    return read;
}

/// What comes of making a network by a config.json.
[[nodiscard]] inline Outcome making(const nlohmann::json& config) {
    return outcome_of([&] {
        weights::Problems problems;
        const auto network = families::make_network(config, "config.json", problems);
        problems.throw_if_any();
        REQUIRE(network);
    });
}

/// It is refused, in words that name the key.
inline void check_refused(const nlohmann::json& config, const std::string& key) {
    const auto outcome = making(config);
    CAPTURE(key, outcome.line);
    CHECK((outcome.status == Status::corrupt || outcome.status == Status::unsupported));
    CHECK_THAT(outcome.line, Catch::StartsWith("config.json: "));
    CHECK_THAT(outcome.line, Catch::Contains(key + ": "));
}

}  // namespace rorqual::test
