#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "grammar/rules.hpp"

namespace rorqual::grammar {

using State = std::uint32_t;

/// Rules as a pushdown automaton over the bytes of UTF-8: every rule has states of its own; calling one remembers where to go on.
/// Immutable.
class Automaton {
 public:
    struct Edge {
        enum class Kind : std::uint8_t { bytes,
                                         silent,
                                         call };
        Kind kind;
        std::uint8_t first = 0, last = 0;  ///< bytes: from first to last
        State target;                      ///< call: where to go on afterwards
        Index rule = 0;                    ///< call: which
    };

    /// Throws Error(invalid_argument): a rule without a body, one that calls itself before it has read a byte (it names both), more
    /// than 2^20 states once repetitions are written out.
    explicit Automaton(const Rules& rules);

    [[nodiscard]] std::span<const Edge> edges(State state) const noexcept { return {edges_.data() + first_edge_[state], edges_.data() + first_edge_[state + 1]}; }
    [[nodiscard]] bool is_end(State state) const noexcept { return end_[state]; }           ///< of its rule
    [[nodiscard]] bool only_ends(State state) const noexcept { return only_ends_[state]; }  ///< nothing of its rule can be read from there
    [[nodiscard]] State entry(Index rule) const noexcept { return entries_[rule]; }

 private:
    void find_what_only_ends();

    std::vector<Edge> edges_;  // by state
    std::vector<std::uint32_t> first_edge_;
    std::vector<bool> end_, only_ends_;
    std::vector<State> entries_;
};

}  // namespace rorqual::grammar
