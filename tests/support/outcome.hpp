#pragma once

#include <string>
#include <utility>

#include "rorqual/error.hpp"

namespace rorqual::test {

/// What a call threw, or Status::ok with an empty line. Exceptions of other types pass through and fail the test.
struct Outcome {
    Status status = Status::ok;
    std::string line;

    [[nodiscard]] bool ok() const { return status == Status::ok; }
    [[nodiscard]] bool says(const std::string& part) const { return line.find(part) != std::string::npos; }
};

template <class Call>
Outcome outcome_of(Call&& call) {
    try {
        std::forward<Call>(call)();
    } catch (const Error& error) {
        return {error.status(), error.what()};
    }
    return {};
}

}  // namespace rorqual::test
