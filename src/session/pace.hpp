#pragma once

#include <cstddef>
#include <vector>

namespace rorqual::session {

/// How many tokens to guess at a time so that most are written a second. Learns how long verifying n guesses takes and how often one
/// holds, and stops guessing while that does not pay.
class Pace {
 public:
    /// `most` guesses at a time.
    explicit Pace(std::size_t most) : seconds_(1 + most, 0.0) {}

    /// How many to make next.
    [[nodiscard]] std::size_t next();

    /// Making and verifying `guesses` of them took so long, with the token before them; the first `kept` came true.
    void learn(std::size_t guesses, std::size_t kept, double seconds);

 private:
    [[nodiscard]] double expected_seconds(std::size_t guesses) const;
    [[nodiscard]] double expected_tokens(std::size_t guesses) const;

    std::vector<double> seconds_;  // of so many guesses; 0 = not known yet
    double holds_ = 0.7;           // how often a guess holds, where those before it did
    std::size_t idle_ = 0;         // rounds without guesses
};

}  // namespace rorqual::session
