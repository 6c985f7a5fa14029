#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "grammar/automaton.hpp"

namespace rorqual::grammar {

/// Runs an automaton over bytes. Where it may be after some text (a set of places, each with the rules it has to come back to) is one
/// Place here; what follows a byte is found once and remembered. One thread at a time.
class Matcher {
 public:
    using Place = std::int32_t;
    static constexpr Place nowhere = -1;  ///< no text goes on from here

    Matcher(std::shared_ptr<const Automaton> automaton, Index root);

    [[nodiscard]] Place start() const noexcept { return start_; }
    /// Throws std::bad_alloc, and Error(unsupported) where a text can be read in more than 2^16 ways at once; nothing changes then.
    [[nodiscard]] Place after(Place place, std::uint8_t byte);
    [[nodiscard]] Place after(Place place, std::string_view bytes);
    [[nodiscard]] bool is_whole(Place place) const noexcept { return places_[static_cast<std::size_t>(place)].whole; }  ///< the text may end here
    [[nodiscard]] bool has_more(Place place) const noexcept { return !places_[static_cast<std::size_t>(place)].threads.empty(); }

    /// How many places are remembered; beyond most_places, forget_all_but() is due.
    [[nodiscard]] std::size_t places() const noexcept { return places_.size(); }
    static constexpr std::size_t most_places = 1 << 14;
    /// Forgets what it has learnt. Returns `place` under its new name; the start keeps none. Throws std::bad_alloc and has then forgotten nothing.
    [[nodiscard]] Place forget_all_but(Place place);

    /// Calls within calls; a text that needs more of them is none of the grammar's. JSON as deep as this is no model's.
    static constexpr std::uint32_t most_depth = 512;

 private:
    using Stack = std::uint32_t;  // index of a call, the last; 0 = none
    struct Call {
        State back;  // where to go on
        Stack below;
        std::uint32_t depth;
    };
    struct Thread {
        State state;
        Stack stack;
        auto operator<=>(const Thread&) const = default;
    };
    struct Known {
        std::vector<Thread> threads;  // in states that read bytes, sorted
        bool whole = false;
        std::unique_ptr<std::array<Place, 256>> next;  // unknown until asked for
    };
    static constexpr Place unknown = -2;

    [[nodiscard]] Stack call(State back, Stack below);
    [[nodiscard]] Place settle(std::vector<Thread> todo);

    std::shared_ptr<const Automaton> automaton_;
    Index root_;
    std::vector<Call> calls_{{}};
    std::map<std::pair<State, Stack>, Stack> call_index_;
    std::vector<Known> places_;
    std::map<std::pair<std::vector<Thread>, bool>, Place> place_index_;
    Place start_ = nowhere;
};

}  // namespace rorqual::grammar
