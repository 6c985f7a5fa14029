#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <queue>
#include <unordered_map>
#include <vector>

namespace rorqual::text {

/// Pairs waiting to be merged, by (rank, place): the lowest rank comes first, and of one rank the leftmost.
/// A queue of places for each rank instead of one heap of all: a long run of one letter has millions of pairs but few
/// ranks, and their places arrive in order. O(log n) an operation at worst, O(1) there.
class RankQueue {
 public:
    struct Pair {
        std::uint32_t rank;
        std::uint32_t place;
    };

    void push(Pair pair);
    /// The first pair, removed; nothing when the queue is empty.
    [[nodiscard]] std::optional<Pair> pop();

 private:
    template <class T>
    using LeastFirst = std::priority_queue<T, std::vector<T>, std::greater<>>;

    struct Places {
        std::vector<std::uint32_t> early;  // pushed before the first pop of this rank, which sorts them
        std::size_t next = 0;              // how many of them are popped
        bool sorted = false;
        LeastFirst<std::uint32_t> late;  // pushed since

        [[nodiscard]] bool empty() const { return next == early.size() && late.empty(); }
        [[nodiscard]] std::uint32_t pop();
    };

    std::unordered_map<std::uint32_t, Places> places_;  // by rank
    LeastFirst<std::uint32_t> ranks_;                   // of which there are places
};

}  // namespace rorqual::text
