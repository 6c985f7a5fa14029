#include "text/rank_queue.hpp"

#include <algorithm>

namespace rorqual::text {

std::uint32_t RankQueue::Places::pop() {
    if (!sorted) {
        if (!std::is_sorted(early.begin(), early.end())) std::sort(early.begin(), early.end());
        sorted = true;
    }
    if (next == early.size() || (!late.empty() && late.top() < early[next])) {
        const std::uint32_t place = late.top();
        late.pop();
        return place;
    }
    return early[next++];
}

void RankQueue::push(Pair pair) {
    Places& places = places_[pair.rank];
    if (places.empty()) {
        places.early.clear();
        places.next = 0;
        places.sorted = false;
        ranks_.push(pair.rank);
    }
    if (places.sorted) {
        places.late.push(pair.place);
    } else {
        places.early.push_back(pair.place);
    }
}

std::optional<RankQueue::Pair> RankQueue::pop() {
    if (ranks_.empty()) return std::nullopt;
    const std::uint32_t rank = ranks_.top();
    Places& places = places_[rank];
    const std::uint32_t place = places.pop();
    if (places.empty()) ranks_.pop();
    return Pair{rank, place};
}

}  // namespace rorqual::text
